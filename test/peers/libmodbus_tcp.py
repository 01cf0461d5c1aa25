"""A Modbus TCP server by libmodbus (through ctypes: no compiler), for test/peers/modbus_tcp.test.ts.

usage: libmodbus_tcp.py PORT
Prints "ready" once it listens. Holding registers 0..199 hold 1000 + address. It serves one client
at a time, and the next once that one has gone.
"""
import ctypes
import sys

REGISTERS = 200

library = ctypes.CDLL("libmodbus.so.5", use_errno=True)
library.modbus_new_tcp.restype = ctypes.c_void_p
library.modbus_mapping_new.restype = ctypes.c_void_p


class Mapping(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int)
        for name in (
            "nb_bits",
            "start_bits",
            "nb_input_bits",
            "start_input_bits",
            "nb_input_registers",
            "start_input_registers",
            "nb_registers",
            "start_registers",
        )
    ] + [
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)),
        ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    ]


context = ctypes.c_void_p(library.modbus_new_tcp(b"127.0.0.1", int(sys.argv[1])))
mapping = ctypes.c_void_p(library.modbus_mapping_new(0, 0, REGISTERS, 0))
tables = ctypes.cast(mapping, ctypes.POINTER(Mapping)).contents
for address in range(REGISTERS):
    tables.tab_registers[address] = 1000 + address

listener = ctypes.c_int(library.modbus_tcp_listen(context, 1))
if listener.value < 0:
    sys.exit("libmodbus cannot listen")
print("ready", flush=True)
query = ctypes.create_string_buffer(260)
while True:
    library.modbus_tcp_accept(context, ctypes.byref(listener))
    while (length := library.modbus_receive(context, query)) >= 0:
        if length > 0:
            library.modbus_reply(context, query, length, mapping)
    library.modbus_close(context)
