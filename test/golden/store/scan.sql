SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'iox' AND table_name = 'rack_power' ORDER BY column_name;

SELECT CAST(time AS BIGINT) / 1000000 AS t, "device" AS g0, "rack" AS g1, "active_power_w" AS f0, "q" AS f1, "x_mode" AS f2 FROM "rack_power" WHERE time >= TIMESTAMP '2026-01-01T00:00:00.000Z' AND time < TIMESTAMP '2026-01-01T00:00:00.001Z' AND ("active_power_w" IS NOT NULL OR "q" IS NOT NULL OR "x_mode" IS NOT NULL) ORDER BY time LIMIT 5000;
