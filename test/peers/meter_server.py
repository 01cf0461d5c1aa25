"""An Eastron SDM630 by pymodbus, for test/peers/main_job.test.ts: unit 1, input registers.

usage: meter_server.py PORT
Prints "ready" once it is about to serve. The energy counter (0x0048, kWh) grows with each second.
"""
import asyncio
import struct
import sys

from pymodbus.datastore import (
    ModbusSequentialDataBlock,
    ModbusServerContext,
    ModbusSlaveContext,
)
from pymodbus.server.async_io import StartAsyncTcpServer

VALUES = {
    0x0000: 230.1, 0x0002: 231.2, 0x0004: 229.3,  # V
    0x0006: 5.1, 0x0008: 6.2, 0x000A: 7.3,  # A
    0x000C: 1100.5, 0x000E: 1300.25, 0x0010: 1600.75,  # W
    0x0034: 4001.5,  # W in all
    0x0046: 50.02,  # Hz
    0x0048: 1234.5,  # kWh imported
}
block = ModbusSequentialDataBlock(0, [0] * 0x0400)


def hold(address, value):
    block.setValues(address, list(struct.unpack(">HH", struct.pack(">f", value))))


async def grow():
    energy = VALUES[0x0048]
    while True:
        await asyncio.sleep(1)
        energy += 0.5
        hold(0x0048, energy)


async def main():
    for address, value in VALUES.items():
        hold(address, value)
    unit = ModbusSlaveContext(ir=block, hr=block, zero_mode=True)
    context = ModbusServerContext(slaves={1: unit}, single=False)
    growing = asyncio.create_task(grow())
    print("ready", flush=True)
    await StartAsyncTcpServer(context=context, address=("127.0.0.1", int(sys.argv[1])))
    await growing


asyncio.run(main())
