import "influxdata/influxdb/schema"
schema.measurements(bucket: "raw", start: 1970-01-01T00:00:00.000Z, stop: 2262-04-11T23:47:16.854Z)

import "influxdata/influxdb/schema"
schema.measurementFieldKeys(bucket: "raw", measurement: "rack\"power \${x}", start: 1970-01-01T00:00:00.000Z, stop: 2262-04-11T23:47:16.854Z)

import "influxdata/influxdb"
influxdb.cardinality(bucket: "raw", start: 1970-01-01T00:00:00.000Z, stop: 2262-04-11T23:47:16.854Z)
