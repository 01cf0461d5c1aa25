import "influxdata/influxdb/schema"
schema.measurementTagKeys(bucket: "raw", measurement: "rack_power", start: 1970-01-01T00:00:00.000Z, stop: 2262-04-11T23:47:16.854Z)

from(bucket: "raw")
  |> range(start: 2026-01-01T00:00:00.000Z, stop: 2026-01-01T00:00:00.001Z)
  |> filter(fn: (r) => r._measurement == "rack_power" and (r._field == "q"))
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> drop(columns: ["_start", "_stop", "_measurement"])
  |> group()
  |> sort(columns: ["_time"])
  |> limit(n: 5000)
