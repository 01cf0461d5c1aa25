-- Capacity of one-rack: written by `rackstreet capacity queries` from its topology.
-- docs/influx-only.md says how to run it. Means of 5 min, no rows of quality 2 and worse.

-- site one-rack: watts, by pdu-a, pdu-b.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'W' AS quantity, 2 AS parts, CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND (("device" = 'pdu-a')
      OR ("device" = 'pdu-b'))
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'one-rack' AS element, quantity, now, p95, peak, mean, coverage
FROM used ORDER BY quantity;

-- source grid: watts, by main-meter.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'W' AS quantity, 1 AS parts, CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END AS value
    FROM "energy_meter"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "device" = 'main-meter'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'grid' AS element, quantity, now, p95, peak, mean, coverage
FROM used ORDER BY quantity;

-- source grid: volt-amperes of 50 kVA, by main-meter.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'VA' AS quantity, 1 AS parts, CASE WHEN avg("apparent_power_va") > CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END THEN avg("apparent_power_va") ELSE CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END END AS value
    FROM "energy_meter"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "device" = 'main-meter'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("apparent_power_va") > 0 AND count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'grid' AS element, quantity, now, p95, peak, mean, coverage, 50000 - p95 AS "left"
FROM used ORDER BY quantity;

-- source grid: amperes of L1, by main-meter;
-- source grid: amperes of L2, by main-meter;
-- source grid: amperes of L3, by main-meter.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L1' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "meter_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L1' AND "device" = 'main-meter'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L2' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "meter_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L2' AND "device" = 'main-meter'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L3' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "meter_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L3' AND "device" = 'main-meter'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'grid' AS element, quantity, now, p95, peak, mean, coverage, 
  CASE WHEN quantity IN ('L1', 'L2', 'L3') THEN (
    SELECT max(abs(p95 - m)) / max(m)
    FROM used, (SELECT avg(p95) AS m FROM used WHERE quantity IN ('L1', 'L2', 'L3')) AS phases
    WHERE quantity IN ('L1', 'L2', 'L3') AND m > 0 AND m >= 0
  ) END AS unbalance
FROM used ORDER BY quantity;

-- ups ups-a: watts, by pdu-a.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'W' AS quantity, 1 AS parts, CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'ups-a' AS element, quantity, now, p95, peak, mean, coverage
FROM used ORDER BY quantity;

-- ups ups-a: volt-amperes of 10 kVA, by pdu-a.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'VA' AS quantity, 1 AS parts, CASE WHEN avg("apparent_power_va") > CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END THEN avg("apparent_power_va") ELSE CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("apparent_power_va") > 0 AND count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'ups-a' AS element, quantity, now, p95, peak, mean, coverage, 10000 - p95 AS "left"
FROM used ORDER BY quantity;

-- ups ups-a: amperes of L1, by pdu-a;
-- ups ups-a: amperes of L2, by pdu-a;
-- ups ups-a: amperes of L3, by pdu-a.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L1' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L1' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L2' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L2' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L3' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L3' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'ups-a' AS element, quantity, now, p95, peak, mean, coverage, 
  CASE WHEN quantity IN ('L1', 'L2', 'L3') THEN (
    SELECT max(abs(p95 - m)) / max(m)
    FROM used, (SELECT avg(p95) AS m FROM used WHERE quantity IN ('L1', 'L2', 'L3')) AS phases
    WHERE quantity IN ('L1', 'L2', 'L3') AND m > 0 AND m >= 0
  ) END AS unbalance
FROM used ORDER BY quantity;

-- ups ups-b: watts, by pdu-b.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'W' AS quantity, 1 AS parts, CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'ups-b' AS element, quantity, now, p95, peak, mean, coverage
FROM used ORDER BY quantity;

-- ups ups-b: volt-amperes of 10 kVA, by pdu-b.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'VA' AS quantity, 1 AS parts, CASE WHEN avg("apparent_power_va") > CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END THEN avg("apparent_power_va") ELSE CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("apparent_power_va") > 0 AND count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'ups-b' AS element, quantity, now, p95, peak, mean, coverage, 10000 - p95 AS "left"
FROM used ORDER BY quantity;

-- ups ups-b: amperes of L1, by pdu-b;
-- ups ups-b: amperes of L2, by pdu-b;
-- ups ups-b: amperes of L3, by pdu-b.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L1' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L1' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L2' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L2' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L3' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L3' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'ups-b' AS element, quantity, now, p95, peak, mean, coverage, 
  CASE WHEN quantity IN ('L1', 'L2', 'L3') THEN (
    SELECT max(abs(p95 - m)) / max(m)
    FROM used, (SELECT avg(p95) AS m FROM used WHERE quantity IN ('L1', 'L2', 'L3')) AS phases
    WHERE quantity IN ('L1', 'L2', 'L3') AND m > 0 AND m >= 0
  ) END AS unbalance
FROM used ORDER BY quantity;

-- breaker cb-a: watts, by pdu-a.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'W' AS quantity, 1 AS parts, CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'cb-a' AS element, quantity, now, p95, peak, mean, coverage
FROM used ORDER BY quantity;

-- breaker cb-a: amperes of L1 of 25.6 A, by pdu-a;
-- breaker cb-a: amperes of L2 of 25.6 A, by pdu-a;
-- breaker cb-a: amperes of L3 of 25.6 A, by pdu-a.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L1' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L1' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L2' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L2' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L3' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L3' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'cb-a' AS element, quantity, now, p95, peak, mean, coverage, 25.6 - p95 AS "left", 
  CASE WHEN quantity IN ('L1', 'L2', 'L3') THEN (
    SELECT max(abs(p95 - m)) / max(m)
    FROM used, (SELECT avg(p95) AS m FROM used WHERE quantity IN ('L1', 'L2', 'L3')) AS phases
    WHERE quantity IN ('L1', 'L2', 'L3') AND m > 0 AND m >= 6.4
  ) END AS unbalance
FROM used ORDER BY quantity;

-- breaker cb-b: watts, by pdu-b.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'W' AS quantity, 1 AS parts, CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'cb-b' AS element, quantity, now, p95, peak, mean, coverage
FROM used ORDER BY quantity;

-- breaker cb-b: amperes of L1 of 25.6 A, by pdu-b;
-- breaker cb-b: amperes of L2 of 25.6 A, by pdu-b;
-- breaker cb-b: amperes of L3 of 25.6 A, by pdu-b.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L1' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L1' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L2' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L2' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L3' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L3' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'cb-b' AS element, quantity, now, p95, peak, mean, coverage, 25.6 - p95 AS "left", 
  CASE WHEN quantity IN ('L1', 'L2', 'L3') THEN (
    SELECT max(abs(p95 - m)) / max(m)
    FROM used, (SELECT avg(p95) AS m FROM used WHERE quantity IN ('L1', 'L2', 'L3')) AS phases
    WHERE quantity IN ('L1', 'L2', 'L3') AND m > 0 AND m >= 6.4
  ) END AS unbalance
FROM used ORDER BY quantity;

-- pdu pdu-a: watts, by pdu-a.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'W' AS quantity, 1 AS parts, CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'pdu-a' AS element, quantity, now, p95, peak, mean, coverage
FROM used ORDER BY quantity;

-- pdu pdu-a: amperes of L1 of 32 A, by pdu-a;
-- pdu pdu-a: amperes of L2 of 32 A, by pdu-a;
-- pdu pdu-a: amperes of L3 of 32 A, by pdu-a.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L1' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L1' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L2' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L2' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L3' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L3' AND "device" = 'pdu-a'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'pdu-a' AS element, quantity, now, p95, peak, mean, coverage, 32 - p95 AS "left", 
  CASE WHEN quantity IN ('L1', 'L2', 'L3') THEN (
    SELECT max(abs(p95 - m)) / max(m)
    FROM used, (SELECT avg(p95) AS m FROM used WHERE quantity IN ('L1', 'L2', 'L3')) AS phases
    WHERE quantity IN ('L1', 'L2', 'L3') AND m > 0 AND m >= 6.4
  ) END AS unbalance
FROM used ORDER BY quantity;

-- pdu pdu-b: watts, by pdu-b.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'W' AS quantity, 1 AS parts, CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'pdu-b' AS element, quantity, now, p95, peak, mean, coverage
FROM used ORDER BY quantity;

-- pdu pdu-b: amperes of L1 of 32 A, by pdu-b;
-- pdu pdu-b: amperes of L2 of 32 A, by pdu-b;
-- pdu pdu-b: amperes of L3 of 32 A, by pdu-b.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L1' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L1' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L2' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L2' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'L3' AS quantity, 1 AS parts, avg("current_a") AS value
    FROM "rack_phase"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "phase" = 'L3' AND "device" = 'pdu-b'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("current_a") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'pdu-b' AS element, quantity, now, p95, peak, mean, coverage, 32 - p95 AS "left", 
  CASE WHEN quantity IN ('L1', 'L2', 'L3') THEN (
    SELECT max(abs(p95 - m)) / max(m)
    FROM used, (SELECT avg(p95) AS m FROM used WHERE quantity IN ('L1', 'L2', 'L3')) AS phases
    WHERE quantity IN ('L1', 'L2', 'L3') AND m > 0 AND m >= 6.4
  ) END AS unbalance
FROM used ORDER BY quantity;

-- rack r01: watts of 8 kW, by pdu-a, pdu-b.
WITH meters AS (
  SELECT CAST(time AS BIGINT) / 300000000000 AS w, 'W' AS quantity, 2 AS parts, CASE WHEN avg("active_power_w") > 0 THEN avg("active_power_w") ELSE 0 END AS value
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND (("device" = 'pdu-a')
      OR ("device" = 'pdu-b'))
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("active_power_w") > 0
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > CAST(now() AS BIGINT) / 300000000000 - 2016
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / 2016.0 AS coverage,
    sum(CASE WHEN abs(place - 0.95 * (n - 1)) < 1 THEN value * (1 - abs(place - 0.95 * (n - 1))) END) AS p95,
    max(CASE WHEN back = 1 AND w > CAST(now() AS BIGINT) / 300000000000 - 3 THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT 'r01' AS element, quantity, now, p95, peak, mean, coverage, 8000 - p95 AS "left"
FROM used ORDER BY quantity;

-- Interim PUE, category 2: energy by main-meter
-- over that by pdu-a, pdu-b. Where a counter fell there is none.
WITH hours AS (
  SELECT CAST(time AS BIGINT) / 3600000000000 AS w, 'facility' AS side, '0/' || "device" AS meter, max("import_wh_total") AS wh, min("import_wh_total") AS least
    FROM "energy_meter"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "device" = 'main-meter'
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("import_wh_total") > 0
  UNION ALL SELECT CAST(time AS BIGINT) / 3600000000000 AS w, 'it' AS side, '0/' || "device" AS meter, max("energy_wh_total") AS wh, min("energy_wh_total") AS least
    FROM "rack_power"
    WHERE "region" = 'local' AND "org" = 'main' AND "site" = 'one-rack' AND "feed" = 'inlet1' AND (("device" = 'pdu-a')
      OR ("device" = 'pdu-b'))
      AND (q IS NULL OR q <= 1) AND time >= now() - INTERVAL '604800 seconds'
    GROUP BY 1, "device" HAVING count("energy_wh_total") > 0
), steps AS (
  SELECT w, side, wh, count(*) OVER (PARTITION BY w) AS meters,
    CASE WHEN least < lag(wh) OVER (PARTITION BY side, meter ORDER BY w) THEN 1 ELSE 0 END AS fell
  FROM hours
), shared AS (
  SELECT min(w) AS a, max(w) AS b FROM steps WHERE meters = 3
), energy AS (
  SELECT max(fell) AS fell, 
    sum(CASE WHEN w = b AND side = 'facility' THEN CAST(wh AS DOUBLE) WHEN w = a AND side = 'facility' THEN -CAST(wh AS DOUBLE) END) AS facility_wh, 
    sum(CASE WHEN w = b AND side = 'it' THEN CAST(wh AS DOUBLE) WHEN w = a AND side = 'it' THEN -CAST(wh AS DOUBLE) END) AS it_wh
  FROM steps, shared
)
SELECT facility_wh, it_wh, fell,
  CASE WHEN fell = 0 AND it_wh > 0 AND facility_wh >= it_wh THEN facility_wh / it_wh END AS pue
FROM energy;
