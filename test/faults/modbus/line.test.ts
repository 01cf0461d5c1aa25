/**
 * Modbus against peers that misbehave, each in one way, over real sockets and pseudo terminals.
 * What is asked of every case: the right code, no wrong value, and the next read works.
 */
import { describe, expect, it, vi } from "vitest";
import { encodeException } from "../../../drivers/modbus/pdu.ts";
import { needs } from "../../peers.ts";
import type { Behaviour, OpenDevice, Peer } from "../../drivers/modbus/world.ts";
import {
  busDefaults,
  codeOf,
  honest,
  never,
  oneRegister,
  openDevice,
  profileOf,
  rightAnswer,
  startPeer,
  startSerialPeer,
  valueAt,
} from "../../drivers/modbus/world.ts";
import { freePort } from "../../ports.ts";

/** Short, because silent peers cost it in full. */
const timeout = "150ms";

interface Setting {
  readonly name: string;
  readonly start: (behaviour: Behaviour) => Promise<Peer>;
  readonly open: (peer: Peer) => Promise<OpenDevice>;
}

const overTcp = (scheme: "tcp" | "rtu+tcp"): Setting => ({
  name: scheme,
  start: (behaviour) => startPeer(scheme, behaviour),
  open: (peer) => openDevice({ address: peer.address, timeout }),
});

const overSerial: Setting = {
  name: "serial",
  start: startSerialPeer,
  open: (peer) =>
    openDevice({ bus: "line", timeout }, oneRegister, {
      line: { ...busDefaults, port: peer.address },
    }),
};

const hasSocat = needs("socat", "socat");
const rtuSettings = [overTcp("rtu+tcp"), ...(hasSocat ? [overSerial] : [])];
const allSettings = [overTcp("tcp"), ...rtuSettings];

/** Misbehaves for the first request, is honest ever after. */
const once =
  (fault: Behaviour): Behaviour =>
  (request, link) =>
    request.index === 0 ? fault(request, link) : honest(request, link);

const flipped = (frame: Uint8Array, at: number): Uint8Array =>
  frame.map((byte, index) => (index === (at + frame.length) % frame.length ? byte ^ 0x55 : byte));

interface Case {
  readonly fault: string;
  readonly behaviour: Behaviour;
  /** Code of the first read, `none` when it must succeed all the same. */
  readonly code: string;
}

const everywhere: readonly Case[] = [
  { fault: "silence", behaviour: () => {}, code: "E_MODBUS_TIMEOUT" },
  {
    fault: "a frame cut short",
    behaviour: (request, link) => link.send(request.wrap(rightAnswer(request)).subarray(0, -3)),
    code: "E_MODBUS_FRAME",
  },
  {
    fault: "one byte at a time",
    behaviour: (request, link) => {
      for (const byte of request.wrap(rightAnswer(request))) link.send(Uint8Array.of(byte));
    },
    code: "none",
  },
  {
    fault: "another unit's answer",
    behaviour: (request, link) => link.send(request.wrap(rightAnswer(request), 9)),
    code: "E_MODBUS_FRAME",
  },
  {
    fault: "exception 2",
    behaviour: ({ wrap, pdu }, link) => link.send(wrap(encodeException(pdu, 2))),
    code: "E_MODBUS_EXCEPTION",
  },
  {
    fault: "exception 6",
    behaviour: ({ wrap, pdu }, link) => link.send(wrap(encodeException(pdu, 6))),
    code: "E_MODBUS_BUSY",
  },
  {
    fault: "exception 11",
    behaviour: ({ wrap, pdu }, link) => link.send(wrap(encodeException(pdu, 11))),
    code: "E_MODBUS_BUSY",
  },
  {
    fault: "the answer twice",
    behaviour: (request, link) => {
      link.send(request.wrap(rightAnswer(request)));
      link.send(request.wrap(rightAnswer(request)));
    },
    code: "none",
  },
];

const rtuOnly: readonly Case[] = [
  {
    fault: "a wrong CRC [MODBUS-RTU 2.5.1.2]",
    behaviour: (request, link) => link.send(flipped(request.wrap(rightAnswer(request)), -1)),
    code: "E_MODBUS_CRC",
  },
  {
    fault: "a damaged value",
    behaviour: (request, link) => link.send(flipped(request.wrap(rightAnswer(request)), 3)),
    code: "E_MODBUS_CRC",
  },
  {
    fault: "the wrong number of registers",
    behaviour: ({ wrap }, link) => link.send(wrap(Uint8Array.of(3, 4, 0, 1, 0, 2))),
    code: "E_MODBUS_FRAME",
  },
  {
    fault: "garbage before the frame",
    behaviour: (request, link) => {
      link.send(Uint8Array.of(0xff, request.unit, 3, 2, 0x55));
      link.send(request.wrap(rightAnswer(request)));
    },
    code: "none",
  },
  {
    fault: "an echo of the request",
    behaviour: (request, link) => {
      link.send(request.frame);
      link.send(request.wrap(rightAnswer(request)));
    },
    code: "none",
  },
  {
    fault: "an echo and nothing else",
    behaviour: (request, link) => link.send(request.frame),
    code: "E_MODBUS_TIMEOUT",
  },
];

const tcpOnly: readonly Case[] = [
  {
    fault: "another transaction [MODBUS-TCP 3.1.3]",
    behaviour: (request, link) => link.send(flipped(request.wrap(rightAnswer(request)), 1)),
    code: "E_MODBUS_TIMEOUT",
  },
  {
    fault: "a header that is no Modbus",
    behaviour: (_request, link) => link.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")),
    code: "E_MODBUS_FRAME",
  },
  {
    fault: "a hang-up instead of an answer",
    behaviour: (_request, link) => link.hangUp(),
    code: "E_DISCONNECTED",
  },
];

const rows = [
  ...allSettings.flatMap((setting) => everywhere.map((one) => ({ setting, ...one }))),
  ...rtuSettings.flatMap((setting) => rtuOnly.map((one) => ({ setting, ...one }))),
  ...tcpOnly.map((one) => ({ setting: overTcp("tcp"), ...one })),
].map((row) => ({ ...row, title: `${row.setting.name}: ${row.fault}` }));

const right = {
  points: [
    {
      measurement: "thermal",
      tags: { sensor: "a" },
      fields: { temp_c: valueAt(0x10), q: 2 },
    },
  ],
  faults: [],
};

describe("a peer that fails once", () => {
  it.each(rows)("$title gives $code, and the next read is right", async (row) => {
    await using peer = await row.setting.start(once(row.behaviour));
    await using device = await row.setting.open(peer);
    const first = device.session.read(["default"], never);
    if (row.code === "none") expect(await first).toEqual(right);
    else expect(await codeOf(first)).toBe(row.code);
    expect(await device.session.read(["default"], never)).toEqual(right);
  });
});

describe("connections", () => {
  it("refused: E_CONNECT, and the next read connects again", async () => {
    const port = await freePort();
    await using device = await openDevice({ address: `tcp://127.0.0.1:${port}`, timeout });
    expect(await codeOf(device.session.read(["default"], never))).toBe("E_CONNECT");
    expect(await codeOf(device.session.read(["default"], never))).toBe("E_CONNECT");
  });

  it("lost between two reads: the next one connects lazily", async () => {
    await using peer = await startPeer("tcp", (request, link) => {
      honest(request, link);
      setImmediate(() => link.hangUp());
    });
    await using device = await openDevice({ address: peer.address, timeout });
    expect(await device.session.read(["default"], never)).toEqual(right);
    await vi.waitFor(async () => {
      expect(await device.session.read(["default"], never)).toEqual(right);
      expect(peer.connections()).toBeGreaterThan(1);
    });
  });

  it("taken for dead after three silent requests", async () => {
    await using peer = await startPeer("tcp", () => {});
    await using device = await openDevice({ address: peer.address, timeout: "20ms" });
    for (let count = 0; count < 4; count += 1) {
      expect(await codeOf(device.session.read(["default"], never))).toBe("E_MODBUS_TIMEOUT");
    }
    await vi.waitFor(() => expect(peer.connections()).toBe(2));
  });

  it("an abort rejects at once, and the line goes on working", async () => {
    await using peer = await startPeer(
      "tcp",
      once(() => {}),
    );
    await using device = await openDevice({ address: peer.address, timeout: "1h" });
    const abort = new AbortController();
    const read = device.session.read(["default"], abort.signal);
    await vi.waitFor(() => expect(peer.requests).toHaveLength(1));
    abort.abort();
    expect(await codeOf(read)).toBe("E_DISCONNECTED");
    expect(await device.session.read(["default"], never)).toEqual(right);
  });
});

describe.each(rtuSettings)("late answers over $name", (setting) => {
  // Late by exactly one request: the shape that puts modbus-serial out of step for ever.
  it("are never taken for the answer to another request", async () => {
    const profile = profileOf({ gap: 0 }, [
      { measurement: "thermal", tags: { sensor: "a" }, fields: { temp_c: { at: 100 } } },
      {
        measurement: "thermal",
        tags: { sensor: "b" },
        every: "10s",
        fields: { temp_c: { at: 200 } },
      },
    ]);
    let held: Uint8Array | undefined;
    await using peer = await setting.start((request, link) => {
      const answer = request.wrap(rightAnswer(request));
      if (request.index === 0) {
        held = answer;
        return;
      }
      if (held !== undefined) link.send(held);
      held = undefined;
      link.send(answer);
    });
    const serial = setting.name === "serial";
    await using device = await openDevice(
      { ...(serial ? { bus: "line" } : { address: peer.address }), timeout },
      profile,
      serial ? { line: { ...busDefaults, port: peer.address } } : {},
    );
    expect(await codeOf(device.session.read(["default"], never))).toBe("E_MODBUS_TIMEOUT");
    for (let count = 0; count < 3; count += 1) {
      const [point] = (await device.session.read(["10s"], never)).points;
      expect(point?.fields["temp_c"]).toBe(valueAt(200));
    }
    const [point] = (await device.session.read(["default"], never)).points;
    expect(point?.fields["temp_c"]).toBe(valueAt(100));
  });

  it("that come while the line drains are thrown away", async () => {
    let late: (() => void) | undefined;
    await using peer = await setting.start((request, link) => {
      if (request.index > 0) return honest(request, link);
      late = () => honest(request, link);
    });
    await using device = await setting.open(peer);
    expect(await codeOf(device.session.read(["default"], never))).toBe("E_MODBUS_TIMEOUT");
    late?.();
    expect(await device.session.read(["default"], never)).toEqual(right);
  });
});
