"""A Modbus server by pymodbus, for test/peers/modbus.test.ts.

usage: modbus_server.py tcp PORT | rtu PATH
Prints "ready" once it is about to serve. Holding and input registers 0..199 hold 1000 + address;
others are illegal.
"""
import asyncio
import sys

from pymodbus.datastore import (
    ModbusSequentialDataBlock,
    ModbusServerContext,
    ModbusSlaveContext,
)
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.server.async_io import StartAsyncSerialServer, StartAsyncTcpServer
from pymodbus.transaction import ModbusRtuFramer

block = ModbusSequentialDataBlock(0, [1000 + address for address in range(200)])
bits = ModbusSequentialDataBlock(0, [address % 3 == 0 for address in range(200)])
unit = ModbusSlaveContext(di=bits, co=bits, hr=block, ir=block, zero_mode=True)
context = ModbusServerContext(slaves={7: unit}, single=False)
identity = ModbusDeviceIdentification(
    info_name={"VendorName": "Acme", "ProductCode": "X1", "MajorMinorRevision": "1.2"}
)


async def main():
    kind, where = sys.argv[1:]
    print("ready", flush=True)
    if kind == "tcp":
        await StartAsyncTcpServer(context=context, identity=identity, address=("127.0.0.1", int(where)))
    else:
        await StartAsyncSerialServer(
            context=context, identity=identity, framer=ModbusRtuFramer, port=where, baudrate=115200, timeout=1
        )


asyncio.run(main())
