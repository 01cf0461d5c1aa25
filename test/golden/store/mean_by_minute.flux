import "types"

rows = from(bucket: "raw")
  |> range(start: 2026-01-01T00:00:00.000Z, stop: 2026-01-02T00:00:00.000Z)
  |> filter(fn: (r) => r._measurement == "rack_power" and (r._field == "active_power_w" or r._field == "x_mode"))
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")

numbers = (tables=<-) => tables
  |> reduce(identity: {n: 0, ft: 0, f: 0.0, lt: 0, l: 0.0, s: 0.0, lo: 0.0, hi: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1,
    ft: if accumulator.n == 0 or r.t < accumulator.ft then r.t else accumulator.ft,
    f: if accumulator.n == 0 or r.t < accumulator.ft or (r.t == accumulator.ft and r.v > accumulator.f) then r.v else accumulator.f,
    lt: if accumulator.n == 0 or r.t > accumulator.lt then r.t else accumulator.lt,
    l: if accumulator.n == 0 or r.t > accumulator.lt or (r.t == accumulator.lt and r.v > accumulator.l) then r.v else accumulator.l,
    s: accumulator.s + r.v,
    lo: if accumulator.n == 0 or r.v < accumulator.lo then r.v else accumulator.lo,
    hi: if accumulator.n == 0 or r.v > accumulator.hi then r.v else accumulator.hi
  }))

texts = (tables=<-) => tables
  |> reduce(identity: {n: 0, ft: 0, f: "", lt: 0, l: ""}, fn: (r, accumulator) => ({
    n: accumulator.n + 1,
    ft: if accumulator.n == 0 or r.t < accumulator.ft then r.t else accumulator.ft,
    f: if accumulator.n == 0 or r.t < accumulator.ft or (r.t == accumulator.ft and r.v > accumulator.f) then r.v else accumulator.f,
    lt: if accumulator.n == 0 or r.t > accumulator.lt then r.t else accumulator.lt,
    l: if accumulator.n == 0 or r.t > accumulator.lt or (r.t == accumulator.lt and r.v > accumulator.l) then r.v else accumulator.l
  }))

rows
  |> filter(fn: (r) => exists r["active_power_w"] and not types.isType(v: r["active_power_w"], type: "string"))
  |> map(fn: (r) => ({w: int(v: r._time) / 60000000000 * 60000, t: int(v: r._time) / 1000000, v: if exists r["active_power_w"] then float(v: r["active_power_w"]) else 0.0}))
  |> group(columns: ["w"])
  |> numbers()
  |> group()
  |> limit(n: 100001)
  |> yield(name: "n0")

rows
  |> filter(fn: (r) => exists r["x_mode"] and not types.isType(v: r["x_mode"], type: "string"))
  |> map(fn: (r) => ({w: int(v: r._time) / 60000000000 * 60000, t: int(v: r._time) / 1000000, v: if exists r["x_mode"] then float(v: r["x_mode"]) else 0.0}))
  |> group(columns: ["w"])
  |> numbers()
  |> group()
  |> limit(n: 100001)
  |> yield(name: "n1")

