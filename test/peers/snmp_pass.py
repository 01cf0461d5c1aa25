"""A pass_persist program of snmpd that serves a walk: lines of OID|TYPE|VALUE, types as ASN.1 tags."""

import sys

names = {
    2: "integer",
    4: "string",
    6: "objectid",
    64: "ipaddress",
    65: "counter",
    66: "gauge",
    67: "timeticks",
    70: "counter64",
}


def key(oid):
    return [int(arc) for arc in oid.strip(".").split(".")]


def read(path):
    walk = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#") or not line.strip():
                continue
            oid, tag, value = line.rstrip("\n").split("|", 2)
            walk.append((key(oid), names[int(tag)], value))
    return sorted(walk)


def say(found):
    if found is None:
        print("NONE", flush=True)
    else:
        oid, name, value = found
        print("." + ".".join(map(str, oid)), name, value, sep="\n", flush=True)


def main():
    walk = read(sys.argv[1])
    for line in sys.stdin:
        command = line.strip()
        if command == "PING":
            print("PONG", flush=True)
        elif command in ("get", "getnext"):
            oid = key(sys.stdin.readline().strip())
            if command == "get":
                say(next((one for one in walk if one[0] == oid), None))
            else:
                say(next((one for one in walk if one[0] > oid), None))
        elif command == "":
            return


main()
