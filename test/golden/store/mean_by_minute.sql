SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'iox' AND table_name = 'rack_power' ORDER BY column_name;

SELECT CAST(time AS BIGINT) / 60000000000 * 60000 AS w, count("active_power_w") AS n0, avg("active_power_w") AS a0 FROM "rack_power" WHERE time >= TIMESTAMP '2026-01-01T00:00:00.000Z' AND time < TIMESTAMP '2026-01-02T00:00:00.000Z' GROUP BY 1 ORDER BY 1 LIMIT 100001;
