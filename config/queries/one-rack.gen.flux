// Capacity of one-rack: written by `rackstreet capacity queries` from its topology.
// docs/influx-only.md says how to run it. Means of 5 min, no rows of quality 2 and worse.

bucket = "rackstreet"
start = -604800s
stop = now()
// The last window, which may be under way; windows count 5 min since 1970.
newest = int(v: now()) / 300000000000

// Of series that were put together: windows in which all parts have a value, and their sum.
sums = (tables=<-, parts) => tables
  |> filter(fn: (r) => r.w > newest - 2016)
  |> group(columns: ["w"])
  |> reduce(identity: {value: 0.0, parts: 0}, fn: (r, accumulator) =>
    ({value: accumulator.value + r.value, parts: accumulator.parts + 1}))
  |> filter(fn: (r) => r.parts == parts)
  |> group()
p95 = (tables=<-) => tables |> quantile(column: "value", q: 0.95, method: "exact_mean")
used = (tables=<-) => tables
  |> sort(columns: ["w"])
  |> reduce(identity: {n: 0.0, total: 0.0, peak: 0.0, w: 0, value: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    peak: if r.value > accumulator.peak then r.value else accumulator.peak,
    w: r.w,
    value: r.value
  }))
  |> map(fn: (r) => ({
    late: newest - r.w,
    now: r.value,
    peak: r.peak,
    mean: r.total / r.n,
    coverage: r.n / 2016.0
  }))

// site one-rack: watts, by pdu-a, pdu-b. now counts where late is below 3.
sums_one_rack_W = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and ((r["device"] == "pdu-a")
    or (r["device"] == "pdu-b")))
  |> filter(fn: (r) => r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (0.0) then r.m0 / r.n else (0.0)}))
  |> sums(parts: 2)
sums_one_rack_W
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "one-rack W p95")
sums_one_rack_W
  |> used()
  |> yield(name: "one-rack W")

// source grid: watts, by main-meter. now counts where late is below 3.
sums_grid_W = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "energy_meter" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["device"] == "main-meter")
  |> filter(fn: (r) => r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (0.0) then r.m0 / r.n else (0.0)}))
  |> sums(parts: 1)
sums_grid_W
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "grid W p95")
sums_grid_W
  |> used()
  |> yield(name: "grid W")

// source grid: volt-amperes of 50 kVA, by main-meter. now counts where late is below 3.
sums_grid_VA = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "energy_meter" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["device"] == "main-meter")
  |> filter(fn: (r) => r._field == "apparent_power_va" or r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["apparent_power_va"] and exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["apparent_power_va"]), m1: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0, m1: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0, m1: accumulator.m1 + r.m1}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (if r.m1 / r.n > (0.0) then r.m1 / r.n else (0.0)) then r.m0 / r.n else (if r.m1 / r.n > (0.0) then r.m1 / r.n else (0.0))}))
  |> sums(parts: 1)
sums_grid_VA
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 50000.0 - r.value}))
  |> yield(name: "grid VA p95")
sums_grid_VA
  |> used()
  |> yield(name: "grid VA")

// source grid: amperes of L1, by main-meter. now counts where late is below 3.
sums_grid_L1 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "meter_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L1" and r["device"] == "main-meter")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_grid_L1
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "grid L1 p95")
sums_grid_L1
  |> used()
  |> yield(name: "grid L1")

// source grid: amperes of L2, by main-meter. now counts where late is below 3.
sums_grid_L2 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "meter_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L2" and r["device"] == "main-meter")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_grid_L2
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "grid L2 p95")
sums_grid_L2
  |> used()
  |> yield(name: "grid L2")

// source grid: amperes of L3, by main-meter. now counts where late is below 3.
sums_grid_L3 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "meter_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L3" and r["device"] == "main-meter")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_grid_L3
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "grid L3 p95")
sums_grid_L3
  |> used()
  |> yield(name: "grid L3")

// ups ups-a: watts, by pdu-a. now counts where late is below 3.
sums_ups_a_W = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (0.0) then r.m0 / r.n else (0.0)}))
  |> sums(parts: 1)
sums_ups_a_W
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "ups-a W p95")
sums_ups_a_W
  |> used()
  |> yield(name: "ups-a W")

// ups ups-a: volt-amperes of 10 kVA, by pdu-a. now counts where late is below 3.
sums_ups_a_VA = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "apparent_power_va" or r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["apparent_power_va"] and exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["apparent_power_va"]), m1: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0, m1: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0, m1: accumulator.m1 + r.m1}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (if r.m1 / r.n > (0.0) then r.m1 / r.n else (0.0)) then r.m0 / r.n else (if r.m1 / r.n > (0.0) then r.m1 / r.n else (0.0))}))
  |> sums(parts: 1)
sums_ups_a_VA
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 10000.0 - r.value}))
  |> yield(name: "ups-a VA p95")
sums_ups_a_VA
  |> used()
  |> yield(name: "ups-a VA")

// ups ups-a: amperes of L1, by pdu-a. now counts where late is below 3.
sums_ups_a_L1 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L1" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_ups_a_L1
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "ups-a L1 p95")
sums_ups_a_L1
  |> used()
  |> yield(name: "ups-a L1")

// ups ups-a: amperes of L2, by pdu-a. now counts where late is below 3.
sums_ups_a_L2 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L2" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_ups_a_L2
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "ups-a L2 p95")
sums_ups_a_L2
  |> used()
  |> yield(name: "ups-a L2")

// ups ups-a: amperes of L3, by pdu-a. now counts where late is below 3.
sums_ups_a_L3 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L3" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_ups_a_L3
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "ups-a L3 p95")
sums_ups_a_L3
  |> used()
  |> yield(name: "ups-a L3")

// ups ups-b: watts, by pdu-b. now counts where late is below 3.
sums_ups_b_W = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (0.0) then r.m0 / r.n else (0.0)}))
  |> sums(parts: 1)
sums_ups_b_W
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "ups-b W p95")
sums_ups_b_W
  |> used()
  |> yield(name: "ups-b W")

// ups ups-b: volt-amperes of 10 kVA, by pdu-b. now counts where late is below 3.
sums_ups_b_VA = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "apparent_power_va" or r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["apparent_power_va"] and exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["apparent_power_va"]), m1: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0, m1: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0, m1: accumulator.m1 + r.m1}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (if r.m1 / r.n > (0.0) then r.m1 / r.n else (0.0)) then r.m0 / r.n else (if r.m1 / r.n > (0.0) then r.m1 / r.n else (0.0))}))
  |> sums(parts: 1)
sums_ups_b_VA
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 10000.0 - r.value}))
  |> yield(name: "ups-b VA p95")
sums_ups_b_VA
  |> used()
  |> yield(name: "ups-b VA")

// ups ups-b: amperes of L1, by pdu-b. now counts where late is below 3.
sums_ups_b_L1 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L1" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_ups_b_L1
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "ups-b L1 p95")
sums_ups_b_L1
  |> used()
  |> yield(name: "ups-b L1")

// ups ups-b: amperes of L2, by pdu-b. now counts where late is below 3.
sums_ups_b_L2 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L2" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_ups_b_L2
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "ups-b L2 p95")
sums_ups_b_L2
  |> used()
  |> yield(name: "ups-b L2")

// ups ups-b: amperes of L3, by pdu-b. now counts where late is below 3.
sums_ups_b_L3 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L3" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_ups_b_L3
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "ups-b L3 p95")
sums_ups_b_L3
  |> used()
  |> yield(name: "ups-b L3")

// breaker cb-a: watts, by pdu-a. now counts where late is below 3.
sums_cb_a_W = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (0.0) then r.m0 / r.n else (0.0)}))
  |> sums(parts: 1)
sums_cb_a_W
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "cb-a W p95")
sums_cb_a_W
  |> used()
  |> yield(name: "cb-a W")

// breaker cb-a: amperes of L1 of 25.6 A, by pdu-a. now counts where late is below 3.
sums_cb_a_L1 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L1" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_cb_a_L1
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 25.6 - r.value}))
  |> yield(name: "cb-a L1 p95")
sums_cb_a_L1
  |> used()
  |> yield(name: "cb-a L1")

// breaker cb-a: amperes of L2 of 25.6 A, by pdu-a. now counts where late is below 3.
sums_cb_a_L2 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L2" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_cb_a_L2
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 25.6 - r.value}))
  |> yield(name: "cb-a L2 p95")
sums_cb_a_L2
  |> used()
  |> yield(name: "cb-a L2")

// breaker cb-a: amperes of L3 of 25.6 A, by pdu-a. now counts where late is below 3.
sums_cb_a_L3 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L3" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_cb_a_L3
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 25.6 - r.value}))
  |> yield(name: "cb-a L3 p95")
sums_cb_a_L3
  |> used()
  |> yield(name: "cb-a L3")

// breaker cb-b: watts, by pdu-b. now counts where late is below 3.
sums_cb_b_W = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (0.0) then r.m0 / r.n else (0.0)}))
  |> sums(parts: 1)
sums_cb_b_W
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "cb-b W p95")
sums_cb_b_W
  |> used()
  |> yield(name: "cb-b W")

// breaker cb-b: amperes of L1 of 25.6 A, by pdu-b. now counts where late is below 3.
sums_cb_b_L1 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L1" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_cb_b_L1
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 25.6 - r.value}))
  |> yield(name: "cb-b L1 p95")
sums_cb_b_L1
  |> used()
  |> yield(name: "cb-b L1")

// breaker cb-b: amperes of L2 of 25.6 A, by pdu-b. now counts where late is below 3.
sums_cb_b_L2 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L2" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_cb_b_L2
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 25.6 - r.value}))
  |> yield(name: "cb-b L2 p95")
sums_cb_b_L2
  |> used()
  |> yield(name: "cb-b L2")

// breaker cb-b: amperes of L3 of 25.6 A, by pdu-b. now counts where late is below 3.
sums_cb_b_L3 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L3" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_cb_b_L3
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 25.6 - r.value}))
  |> yield(name: "cb-b L3 p95")
sums_cb_b_L3
  |> used()
  |> yield(name: "cb-b L3")

// pdu pdu-a: watts, by pdu-a. now counts where late is below 3.
sums_pdu_a_W = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (0.0) then r.m0 / r.n else (0.0)}))
  |> sums(parts: 1)
sums_pdu_a_W
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "pdu-a W p95")
sums_pdu_a_W
  |> used()
  |> yield(name: "pdu-a W")

// pdu pdu-a: amperes of L1 of 32 A, by pdu-a. now counts where late is below 3.
sums_pdu_a_L1 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L1" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_pdu_a_L1
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 32.0 - r.value}))
  |> yield(name: "pdu-a L1 p95")
sums_pdu_a_L1
  |> used()
  |> yield(name: "pdu-a L1")

// pdu pdu-a: amperes of L2 of 32 A, by pdu-a. now counts where late is below 3.
sums_pdu_a_L2 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L2" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_pdu_a_L2
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 32.0 - r.value}))
  |> yield(name: "pdu-a L2 p95")
sums_pdu_a_L2
  |> used()
  |> yield(name: "pdu-a L2")

// pdu pdu-a: amperes of L3 of 32 A, by pdu-a. now counts where late is below 3.
sums_pdu_a_L3 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L3" and r["device"] == "pdu-a")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_pdu_a_L3
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 32.0 - r.value}))
  |> yield(name: "pdu-a L3 p95")
sums_pdu_a_L3
  |> used()
  |> yield(name: "pdu-a L3")

// pdu pdu-b: watts, by pdu-b. now counts where late is below 3.
sums_pdu_b_W = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (0.0) then r.m0 / r.n else (0.0)}))
  |> sums(parts: 1)
sums_pdu_b_W
  |> p95()
  |> map(fn: (r) => ({p95: r.value}))
  |> yield(name: "pdu-b W p95")
sums_pdu_b_W
  |> used()
  |> yield(name: "pdu-b W")

// pdu pdu-b: amperes of L1 of 32 A, by pdu-b. now counts where late is below 3.
sums_pdu_b_L1 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L1" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_pdu_b_L1
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 32.0 - r.value}))
  |> yield(name: "pdu-b L1 p95")
sums_pdu_b_L1
  |> used()
  |> yield(name: "pdu-b L1")

// pdu pdu-b: amperes of L2 of 32 A, by pdu-b. now counts where late is below 3.
sums_pdu_b_L2 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L2" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_pdu_b_L2
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 32.0 - r.value}))
  |> yield(name: "pdu-b L2 p95")
sums_pdu_b_L2
  |> used()
  |> yield(name: "pdu-b L2")

// pdu pdu-b: amperes of L3 of 32 A, by pdu-b. now counts where late is below 3.
sums_pdu_b_L3 = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_phase" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["phase"] == "L3" and r["device"] == "pdu-b")
  |> filter(fn: (r) => r._field == "current_a" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["current_a"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["current_a"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: r.m0 / r.n}))
  |> sums(parts: 1)
sums_pdu_b_L3
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 32.0 - r.value}))
  |> yield(name: "pdu-b L3 p95")
sums_pdu_b_L3
  |> used()
  |> yield(name: "pdu-b L3")

// rack r01: watts of 8 kW, by pdu-a, pdu-b. now counts where late is below 3.
sums_r01_W = from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and ((r["device"] == "pdu-a")
    or (r["device"] == "pdu-b")))
  |> filter(fn: (r) => r._field == "active_power_w" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["active_power_w"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({w: int(v: r._time) / 300000000000, device: r["device"], m0: float(v: r["active_power_w"])}))
  |> group(columns: ["w", "device"])
  |> reduce(identity: {n: 0.0, m0: 0.0}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, m0: accumulator.m0 + r.m0}))
  |> map(fn: (r) => ({w: r.w, value: if r.m0 / r.n > (0.0) then r.m0 / r.n else (0.0)}))
  |> sums(parts: 2)
sums_r01_W
  |> p95()
  |> map(fn: (r) => ({p95: r.value, left: 8000.0 - r.value}))
  |> yield(name: "r01 W p95")
sums_r01_W
  |> used()
  |> yield(name: "r01 W")

// source grid: the largest distance of a phase from their mean.
union(tables: [
  sums_grid_L1 |> p95(),
  sums_grid_L2 |> p95(),
  sums_grid_L3 |> p95()
])
  |> group()
  |> reduce(identity: {n: 0.0, total: 0.0, high: 0.0, low: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    high: if r.value > accumulator.high then r.value else accumulator.high,
    low: if accumulator.n == 0.0 or r.value < accumulator.low then r.value else accumulator.low
  }))
  |> filter(fn: (r) => r.n == 3.0 and r.total > 0.0)
  |> map(fn: (r) => ({
    mean: r.total / r.n,
    high: r.high - r.total / r.n,
    low: r.total / r.n - r.low
  }))
  |> filter(fn: (r) => r.mean >= 0.0)
  |> map(fn: (r) => ({unbalance: (if r.high > r.low then r.high else r.low) / r.mean}))
  |> yield(name: "grid unbalance")

// ups ups-a: the largest distance of a phase from their mean.
union(tables: [
  sums_ups_a_L1 |> p95(),
  sums_ups_a_L2 |> p95(),
  sums_ups_a_L3 |> p95()
])
  |> group()
  |> reduce(identity: {n: 0.0, total: 0.0, high: 0.0, low: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    high: if r.value > accumulator.high then r.value else accumulator.high,
    low: if accumulator.n == 0.0 or r.value < accumulator.low then r.value else accumulator.low
  }))
  |> filter(fn: (r) => r.n == 3.0 and r.total > 0.0)
  |> map(fn: (r) => ({
    mean: r.total / r.n,
    high: r.high - r.total / r.n,
    low: r.total / r.n - r.low
  }))
  |> filter(fn: (r) => r.mean >= 0.0)
  |> map(fn: (r) => ({unbalance: (if r.high > r.low then r.high else r.low) / r.mean}))
  |> yield(name: "ups-a unbalance")

// ups ups-b: the largest distance of a phase from their mean.
union(tables: [
  sums_ups_b_L1 |> p95(),
  sums_ups_b_L2 |> p95(),
  sums_ups_b_L3 |> p95()
])
  |> group()
  |> reduce(identity: {n: 0.0, total: 0.0, high: 0.0, low: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    high: if r.value > accumulator.high then r.value else accumulator.high,
    low: if accumulator.n == 0.0 or r.value < accumulator.low then r.value else accumulator.low
  }))
  |> filter(fn: (r) => r.n == 3.0 and r.total > 0.0)
  |> map(fn: (r) => ({
    mean: r.total / r.n,
    high: r.high - r.total / r.n,
    low: r.total / r.n - r.low
  }))
  |> filter(fn: (r) => r.mean >= 0.0)
  |> map(fn: (r) => ({unbalance: (if r.high > r.low then r.high else r.low) / r.mean}))
  |> yield(name: "ups-b unbalance")

// breaker cb-a: the largest distance of a phase from their mean.
union(tables: [
  sums_cb_a_L1 |> p95(),
  sums_cb_a_L2 |> p95(),
  sums_cb_a_L3 |> p95()
])
  |> group()
  |> reduce(identity: {n: 0.0, total: 0.0, high: 0.0, low: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    high: if r.value > accumulator.high then r.value else accumulator.high,
    low: if accumulator.n == 0.0 or r.value < accumulator.low then r.value else accumulator.low
  }))
  |> filter(fn: (r) => r.n == 3.0 and r.total > 0.0)
  |> map(fn: (r) => ({
    mean: r.total / r.n,
    high: r.high - r.total / r.n,
    low: r.total / r.n - r.low
  }))
  |> filter(fn: (r) => r.mean >= 6.4)
  |> map(fn: (r) => ({unbalance: (if r.high > r.low then r.high else r.low) / r.mean}))
  |> yield(name: "cb-a unbalance")

// breaker cb-b: the largest distance of a phase from their mean.
union(tables: [
  sums_cb_b_L1 |> p95(),
  sums_cb_b_L2 |> p95(),
  sums_cb_b_L3 |> p95()
])
  |> group()
  |> reduce(identity: {n: 0.0, total: 0.0, high: 0.0, low: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    high: if r.value > accumulator.high then r.value else accumulator.high,
    low: if accumulator.n == 0.0 or r.value < accumulator.low then r.value else accumulator.low
  }))
  |> filter(fn: (r) => r.n == 3.0 and r.total > 0.0)
  |> map(fn: (r) => ({
    mean: r.total / r.n,
    high: r.high - r.total / r.n,
    low: r.total / r.n - r.low
  }))
  |> filter(fn: (r) => r.mean >= 6.4)
  |> map(fn: (r) => ({unbalance: (if r.high > r.low then r.high else r.low) / r.mean}))
  |> yield(name: "cb-b unbalance")

// pdu pdu-a: the largest distance of a phase from their mean.
union(tables: [
  sums_pdu_a_L1 |> p95(),
  sums_pdu_a_L2 |> p95(),
  sums_pdu_a_L3 |> p95()
])
  |> group()
  |> reduce(identity: {n: 0.0, total: 0.0, high: 0.0, low: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    high: if r.value > accumulator.high then r.value else accumulator.high,
    low: if accumulator.n == 0.0 or r.value < accumulator.low then r.value else accumulator.low
  }))
  |> filter(fn: (r) => r.n == 3.0 and r.total > 0.0)
  |> map(fn: (r) => ({
    mean: r.total / r.n,
    high: r.high - r.total / r.n,
    low: r.total / r.n - r.low
  }))
  |> filter(fn: (r) => r.mean >= 6.4)
  |> map(fn: (r) => ({unbalance: (if r.high > r.low then r.high else r.low) / r.mean}))
  |> yield(name: "pdu-a unbalance")

// pdu pdu-b: the largest distance of a phase from their mean.
union(tables: [
  sums_pdu_b_L1 |> p95(),
  sums_pdu_b_L2 |> p95(),
  sums_pdu_b_L3 |> p95()
])
  |> group()
  |> reduce(identity: {n: 0.0, total: 0.0, high: 0.0, low: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    high: if r.value > accumulator.high then r.value else accumulator.high,
    low: if accumulator.n == 0.0 or r.value < accumulator.low then r.value else accumulator.low
  }))
  |> filter(fn: (r) => r.n == 3.0 and r.total > 0.0)
  |> map(fn: (r) => ({
    mean: r.total / r.n,
    high: r.high - r.total / r.n,
    low: r.total / r.n - r.low
  }))
  |> filter(fn: (r) => r.mean >= 6.4)
  |> map(fn: (r) => ({unbalance: (if r.high > r.low then r.high else r.low) / r.mean}))
  |> yield(name: "pdu-b unbalance")

// Interim PUE, category 2: energy by main-meter
// over that by pdu-a, pdu-b.
union(tables: [
from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "energy_meter" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["device"] == "main-meter")
  |> filter(fn: (r) => r._field == "import_wh_total" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["import_wh_total"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({
    w: int(v: r._time) / 3600000000000,
    t: int(v: r._time),
    device: r["device"],
    wh: float(v: r["import_wh_total"])
  }))
  |> group(columns: ["w", "device"])
  |> sort(columns: ["t"])
  |> last(column: "wh")
  |> map(fn: (r) => ({w: r.w, facility: r.wh, it: 0.0})),
from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and ((r["device"] == "pdu-a")
    or (r["device"] == "pdu-b")))
  |> filter(fn: (r) => r._field == "energy_wh_total" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["energy_wh_total"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({
    w: int(v: r._time) / 3600000000000,
    t: int(v: r._time),
    device: r["device"],
    wh: float(v: r["energy_wh_total"])
  }))
  |> group(columns: ["w", "device"])
  |> sort(columns: ["t"])
  |> last(column: "wh")
  |> map(fn: (r) => ({w: r.w, facility: 0.0, it: r.wh}))
])
  |> group(columns: ["w"])
  |> reduce(identity: {facility: 0.0, it: 0.0, meters: 0}, fn: (r, accumulator) => ({
    facility: accumulator.facility + r.facility,
    it: accumulator.it + r.it,
    meters: accumulator.meters + 1
  }))
  |> filter(fn: (r) => r.meters == 3)
  |> group()
  |> sort(columns: ["w"])
  |> reduce(identity: {n: 0, f0: 0.0, i0: 0.0, f: 0.0, i: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1,
    f0: if accumulator.n == 0 then r.facility else accumulator.f0,
    i0: if accumulator.n == 0 then r.it else accumulator.i0,
    f: r.facility,
    i: r.it
  }))
  |> filter(fn: (r) => r.i > r.i0)
  |> map(fn: (r) => ({
    facility_wh: r.f - r.f0,
    it_wh: r.i - r.i0,
    pue: (r.f - r.f0) / (r.i - r.i0)
  }))
  |> yield(name: "PUE")

// The least rise of any counter from hour to hour. Below 0 one has fallen: no PUE.
union(tables: [
from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "energy_meter" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["device"] == "main-meter")
  |> filter(fn: (r) => r._field == "import_wh_total" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["import_wh_total"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({
    w: int(v: r._time) / 3600000000000,
    t: int(v: r._time),
    device: r["device"],
    wh: float(v: r["import_wh_total"])
  }))
  |> group(columns: ["w", "device"])
  |> sort(columns: ["t"])
  |> last(column: "wh")
  |> group(columns: ["device"])
  |> sort(columns: ["w"])
  |> difference(columns: ["wh"]),
from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "rack_power" and r["region"] == "local" and r["org"] == "main" and r["site"] == "one-rack" and r["feed"] == "inlet1" and ((r["device"] == "pdu-a")
    or (r["device"] == "pdu-b")))
  |> filter(fn: (r) => r._field == "energy_wh_total" or r._field == "q")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r["energy_wh_total"] and (not exists r["q"] or r["q"] <= 1))
  |> map(fn: (r) => ({
    w: int(v: r._time) / 3600000000000,
    t: int(v: r._time),
    device: r["device"],
    wh: float(v: r["energy_wh_total"])
  }))
  |> group(columns: ["w", "device"])
  |> sort(columns: ["t"])
  |> last(column: "wh")
  |> group(columns: ["device"])
  |> sort(columns: ["w"])
  |> difference(columns: ["wh"])
])
  |> group()
  |> min(column: "wh")
  |> keep(columns: ["wh"])
  |> yield(name: "least rise")
