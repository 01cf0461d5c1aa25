"""A DL/T 645-2007 meter by the package dlt645 of PyPI, for test/peers/meters.test.ts.

usage: dlt645_server.py tcp PORT | rtu PATH
Prints "ready" once it serves. Its number is 000012345678.
"""
import sys
import threading

from dlt645 import MeterServerService

kind, where = sys.argv[1:]
if kind == "tcp":
    meter = MeterServerService.new_tcp_server("127.0.0.1", int(where), 3600)
else:
    meter = MeterServerService.new_rtu_server(where, 8, 1, 9600, "N", 1)
# As it travels: this package does not turn it around.
meter.set_address(bytes.fromhex("785634120000"))
meter.set_00(0x00010000, 123.45)
meter.set_00(0x00020000, 1.5)
meter.set_02(0x02010100, 230.1)
meter.set_02(0x02020100, -5.123)
meter.set_02(0x02030000, -1.2345)
meter.set_02(0x02060000, 0.987)
if not meter.start():
    sys.exit(1)
print("ready", flush=True)
threading.Event().wait()
