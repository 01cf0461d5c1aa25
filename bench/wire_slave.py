"""A Modbus RTU slave on a pseudo terminal that keeps a real line's time.

wire_slave.py BAUD BITS_A_CHARACTER UNITS_THAT_ARE_DEAD THINK_MS

Prints the path of its port. A request is over 8 characters after it was written, the slave thinks
(t3.5 at least), and each byte of the reply takes its time; what has arrived is handed over each
millisecond, as USB adapters do, and the last byte when it is over. The last of each wait it
spends awake, so that its time is not that of a scheduler. On SIGTERM it prints one JSON line a request: when it came, when
its reply should have ended and when it did, in ns of the monotonic clock, how many registers it
asked for, of which unit.
"""
import json
import os
import pty
import select
import signal
import sys
import time
import tty

baud, bits = int(sys.argv[1]), int(sys.argv[2])
dead = {int(unit) for unit in sys.argv[3].split(",") if unit}
character = bits * 1_000_000_000 // baud
silence = 1_750_000 if baud > 19200 else character * 7 // 2
think = max(silence, int(float(sys.argv[4]) * 1_000_000))
handover = 1_000_000
# A sleep may end so much late.
scheduler = 200_000
running = True
seen = []
now = time.monotonic_ns


def crc(frame):
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return bytes([value & 0xFF, value >> 8])


replies = {}


def reply_to(frame):
    key = frame[:2] + frame[4:6]
    if key not in replies:
        count = frame[4] * 256 + frame[5]
        body = frame[:2] + bytes([2 * count]) + b"\0\1" * count
        replies[key] = body + crc(body)
    return replies[key]


def stop(*_):
    global running
    running = False


def until(moment):
    left = moment - now() - scheduler
    if left > 0:
        time.sleep(left / 1e9)
    while now() < moment:
        pass


def answer(master, frame, came):
    reply = reply_to(frame)
    begin = came + 8 * character + think
    end = begin + len(reply) * character
    sent, moment = 0, begin
    while sent < len(reply):
        moment = min(moment + handover, end)
        until(moment)
        there = min(len(reply), (moment - begin) // character) if moment < end else len(reply)
        if there > sent:
            os.write(master, reply[sent:there])
            sent = there
    seen.append([came, end, now(), frame[4] * 256 + frame[5], frame[0]])


def main():
    signal.signal(signal.SIGTERM, stop)
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    print(os.ttyname(slave), flush=True)
    received = b""
    while running:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        received += os.read(master, 256)
        came = now()
        if len(received) < 8:
            continue
        frame, received = received[:8], b""
        if crc(frame[:6]) != frame[6:]:
            continue
        if frame[0] in dead:
            seen.append([came, 0, 0, frame[4] * 256 + frame[5], frame[0]])
        else:
            answer(master, frame, came)
    for one in seen:
        print(json.dumps(one))


main()
