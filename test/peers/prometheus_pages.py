"""Pages by Python's prometheus_client, and what it reads in pages.

prometheus_pages.py write [openmetrics] prints a page with every kind of metric, odd labels and
values. prometheus_pages.py read [openmetrics] reads a page from standard input and prints each
sample as a line of JSON: name, labels, value as text, time in seconds or null.
"""

import json
import sys

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
    Info,
    Summary,
    generate_latest,
)
from prometheus_client.openmetrics.exposition import generate_latest as generate_open
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_open,
)
from prometheus_client.parser import text_string_to_metric_families as read_plain


def write(openmetrics):
    registry = CollectorRegistry()
    gauge = Gauge("power_watts", 'Power, "odd" text\nin two lines \\ here', ["gpu", "name"], registry=registry)
    values = [0.0, 1.5, -3.25e-7, 1.7976931348623157e308, float("nan"), float("inf"), float("-inf")]
    names = ["plain", 'quo"ted', "back\\slash", "line\nfeed", "comma,brace}equals=", "ünïcode µ 度", ""]
    for index, (value, name) in enumerate(zip(values, names)):
        gauge.labels(gpu=str(index), name=name).set(value)
    counter = Counter("energy_joules", "Energy", ["gpu"], registry=registry)
    counter.labels(gpu="0").inc(123456789.5, exemplar={"trace_id": "a b"} if openmetrics else None)
    Histogram("seconds", "Time", registry=registry).observe(0.3)
    Summary("size_bytes", "Size", registry=registry).observe(12)
    Info("driver", "Driver", registry=registry).info({"version": "1.2"})
    Enum("health", "Health", states=["good", "bad"], registry=registry).state("bad")
    Gauge("alone", "No labels", registry=registry).set(42)
    return (generate_open if openmetrics else generate_latest)(registry)


def read(openmetrics):
    text = sys.stdin.buffer.read().decode("utf-8")
    for family in (read_open if openmetrics else read_plain)(text):
        for sample in family.samples:
            time = None if sample.timestamp is None else float(sample.timestamp)
            print(json.dumps([sample.name, sample.labels, repr(float(sample.value)), time]))


is_open = "openmetrics" in sys.argv
if sys.argv[1] == "write":
    sys.stdout.buffer.write(write(is_open))
else:
    read(is_open)
