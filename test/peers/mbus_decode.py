"""Decodes M-Bus telegrams with the package pyMeterBus of PyPI, for test/peers/meters.test.ts.

Reads telegrams from standard input, one in hexadecimal a line; writes the numbers of each one's
records as a line of JSON, null for what is no number.
"""
import json
import sys

import meterbus

special = ("FunctionType.SPECIAL_FUNCTION", "FunctionType.MORE_RECORDS_FOLLOW")

for line in sys.stdin:
    telegram = meterbus.load(bytes.fromhex(line))
    records = json.loads(telegram.to_JSON())["body"]["records"]
    values = [
        one["value"] if isinstance(one["value"], (int, float)) else None
        for one in records
        if one["function"] not in special
    ]
    print(json.dumps(values))
