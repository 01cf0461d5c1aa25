"""RTU slaves by libmodbus itself (through ctypes: no compiler), each a process on a pseudo terminal
of its own, joined to one line as a bus joins them: each hears all that it did not say itself.

Usage: libmodbus_slaves.py LINE BAUD PARITY, then on standard input one JSON object:
  {"UNIT": {"holding": {"64514": 112, ...}, "input": {...}}, ...}
LINE becomes a link to the master's end. Prints "ready".
"""
import ctypes
import json
import os
import select
import signal
import sys
import tty

library = ctypes.CDLL("libmodbus.so.5", use_errno=True)


class Mapping(ctypes.Structure):
    _fields_ = [
        ("nb_bits", ctypes.c_int),
        ("start_bits", ctypes.c_int),
        ("nb_input_bits", ctypes.c_int),
        ("start_input_bits", ctypes.c_int),
        ("nb_input_registers", ctypes.c_int),
        ("start_input_registers", ctypes.c_int),
        ("nb_registers", ctypes.c_int),
        ("start_registers", ctypes.c_int),
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)),
        ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    ]


library.modbus_new_rtu.restype = ctypes.c_void_p
library.modbus_new_rtu.argtypes = [
    ctypes.c_char_p,
    ctypes.c_int,
    ctypes.c_char,
    ctypes.c_int,
    ctypes.c_int,
]
library.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
library.modbus_set_slave.argtypes = [ctypes.c_void_p, ctypes.c_int]
library.modbus_connect.argtypes = [ctypes.c_void_p]
library.modbus_receive.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
library.modbus_reply.argtypes = [
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_int,
    ctypes.POINTER(Mapping),
]


def serve(path, baud, parity, unit, tables):
    context = library.modbus_new_rtu(path.encode(), baud, parity, 8, 1)
    library.modbus_set_slave(context, unit)
    if library.modbus_connect(context) != 0:
        sys.exit(f"libmodbus cannot open {path}")
    size = {name: max([int(at) for at in held], default=-1) + 1 for name, held in tables.items()}
    mapping = library.modbus_mapping_new(0, 0, size.get("holding", 0), size.get("input", 0))
    for at, word in tables.get("holding", {}).items():
        mapping.contents.tab_registers[int(at)] = word
    for at, word in tables.get("input", {}).items():
        mapping.contents.tab_input_registers[int(at)] = word
    query = ctypes.create_string_buffer(260)
    while True:
        length = library.modbus_receive(context, query)
        if length > 0:
            library.modbus_reply(context, query, length, mapping)


def main():
    line, baud, parity = sys.argv[1], int(sys.argv[2]), sys.argv[3][0].upper().encode()
    slaves = json.loads(sys.stdin.readline())
    children = []
    ends = []
    for unit, tables in slaves.items():
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        child = os.fork()
        if child == 0:
            serve(os.ttyname(theirs), baud, parity, int(unit), tables)
        children.append(child)
        ends.append(ours)
    master, theirs = os.openpty()
    tty.setraw(theirs)
    os.symlink(os.ttyname(theirs), line)

    def stop(*_):
        for child in children:
            os.kill(child, signal.SIGKILL)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    while True:
        for end in select.select([master, sys.stdin, *ends], [], [])[0]:
            if end is sys.stdin:
                if not sys.stdin.read(1):
                    stop()
                continue
            data = os.read(end, 512)
            for other in [master, *ends]:
                if other != end:
                    os.write(other, data)


main()
