"""Sparkplug payloads by the package tahu of PyPI, generated from the official sparkplug_b.proto.

First prints its messages as JSON: {message: {field: [number, type, repeated, oneof]}}. Then reads
payloads in hex, a line each, and prints each as it writes it itself, or "unknown" when a byte of it
belongs to no field.
"""
import json
import sys

import tahu.sparkplug_b_pb2 as proto

types = {13: "uint32", 4: "uint64", 2: "float", 1: "double", 8: "bool", 9: "string", 12: "bytes"}


def tables(message, into):
    if message.name in into:
        return into
    fields = into[message.name] = {}
    for field in message.fields:
        kind = types.get(field.type) or field.message_type.name
        oneof = field.containing_oneof and field.containing_oneof.name
        fields[field.name] = [field.number, kind, field.label == 3, oneof]
        if field.message_type:
            tables(field.message_type, into)
    return into


print(json.dumps(tables(proto.Payload.DESCRIPTOR, {})), flush=True)
for line in sys.stdin:
    payload = proto.Payload()
    payload.ParseFromString(bytes.fromhex(line))
    known = proto.Payload()
    known.CopyFrom(payload)
    known.DiscardUnknownFields()
    same = known.SerializeToString() == payload.SerializeToString()
    print(payload.SerializeToString().hex() if same else "unknown", flush=True)
