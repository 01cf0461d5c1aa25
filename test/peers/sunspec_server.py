"""A SunSpec device for test/peers/sunspec.test.ts: the map is built by pysunspec2, pymodbus serves it.

usage: sunspec_server.py PORT START MODEL...
Prints "ready" once it is about to serve. Unit 1, holding registers from START: "SunS", the common
model, the models named, the end. Points hold the values below, the rest is not implemented.
"""
import asyncio
import sys

import sunspec2.file.client as client
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server.async_io import StartAsyncTcpServer

METER = {
    "A": 12.3, "AphA": 4.1, "AphB": 4.2, "AphC": 4.0, "PhVphA": 230.1, "PhVphB": 231.2,
    "PhVphC": 229.3, "Hz": 50.02, "W": 2810, "WphA": 940, "WphB": 960, "WphC": 910,
    "TotWhImp": 1234500, "TotWhExp": 700,
}
INVERTER = {"A": 9.9, "PhVphA": 231.0, "W": 2200, "Hz": 49.98, "WH": 987654, "St": 4}
WEATHER = {"TmpAmb": 21.5, "RH": 48, "Pres": 1013, "WndSpd": 3, "WndDir": 270}
SCALES = {"A_SF": -1, "V_SF": -1, "Hz_SF": -2, "W_SF": 0, "TotWh_SF": 2, "WH_SF": 0}
VALUES = {**{m: METER for m in range(201, 215)}, **{m: INVERTER for m in range(101, 114)}, 307: WEATHER}


def words_of(model):
    data = model.get_mb()
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def build(number):
    model = client.FileClientModel(number)
    for name, point in model.points.items():
        if name in SCALES and point.pdef["type"] == "sunssf":
            point.value = SCALES[name]
    for name, value in VALUES.get(number, {}).items():
        point = model.points.get(name)
        if point is not None:
            point.cvalue = value
    return words_of(model)


async def main():
    port, start, *models = [int(arg) for arg in sys.argv[1:]]
    words = [0x5375, 0x6E53]
    for number in [1, *models]:
        words += build(number)
    words += [0xFFFF, 0]
    block = ModbusSequentialDataBlock(start, words)
    unit = ModbusSlaveContext(hr=block, zero_mode=True)
    context = ModbusServerContext(slaves={1: unit}, single=False)
    print("ready", flush=True)
    await StartAsyncTcpServer(context=context, address=("127.0.0.1", port))


asyncio.run(main())
