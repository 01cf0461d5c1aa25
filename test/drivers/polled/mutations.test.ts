/**
 * Answers that are damaged on their way, by chance: a device gives its true values or none, and
 * fails with a verdict of its own. Under virtual time.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf, encodeDecimal } from "../../../drivers/dlt645/frame.ts";
import { Meter as Dlt645Meter } from "../../../drivers/dlt645/meter.ts";
import { Meter as MbusMeter } from "../../../drivers/mbus/meter.ts";
import { Sensor } from "../../../drivers/sdi12/sensor.ts";
import { Asker } from "../../../drivers/transport/asking.ts";
import type { ByteChannel } from "../../../drivers/transport/channel.ts";
import { Station } from "../../../drivers/umb/station.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { VirtualClock } from "../../virtual.ts";
import { never } from "../modbus/world.ts";
import { dlt645Meter, mbusHeader, mbusMeter, sdi12Sensor, umbDevice } from "./slaves.ts";
import type { Slave } from "./world.ts";
import { hex } from "./world.ts";

/** One thing that happens to one answer. */
interface Damage {
  /** Which answer, from 0. */
  readonly answer: number;
  readonly kind: "flip" | "drop" | "insert" | "cut" | "double" | "lose";
  /** Where, as a share of its length. */
  readonly at: number;
  readonly byte: number;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  answer: fc.nat(3),
  kind: fc.constantFrom("flip", "drop", "insert", "cut", "double", "lose"),
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  byte: fc.integer({ min: 1, max: 255 }),
});

function damaged(bytes: Uint8Array, { kind, at, byte }: Damage): Uint8Array {
  const where = Math.floor(at * bytes.length);
  const [head, tail] = [bytes.slice(0, where), bytes.slice(where)];
  if (kind === "flip") return bytes.map((one, index) => (index === where ? one ^ byte : one));
  if (kind === "drop") return Uint8Array.of(...head, ...tail.slice(1));
  if (kind === "insert") return Uint8Array.of(...head, byte, ...tail);
  if (kind === "cut") return head;
  return kind === "double" ? Uint8Array.of(...bytes, ...bytes) : new Uint8Array();
}

/** A wire on which a slave answers, one of its answers damaged and all of them in pieces. */
function wireTo(
  slave: Slave,
  harm: Damage,
): { readonly asker: Asker; readonly clock: VirtualClock } {
  const clock = new VirtualClock();
  let listener: (bytes: Uint8Array) => void = () => {};
  let received = Buffer.alloc(0);
  let answers = 0;
  const say = (reply: Uint8Array): void => {
    const bytes = answers === harm.answer ? damaged(reply, harm) : reply;
    answers += 1;
    const half = bytes.length >> 1;
    for (const piece of [bytes.slice(0, half), bytes.slice(half)]) {
      if (piece.length > 0) clock.after(3, () => listener(piece));
    }
  };
  const channel: ByteChannel = {
    write(bytes) {
      received = Buffer.concat([received, bytes]);
      const said = slave(received);
      if (said === undefined) return;
      received = received.subarray(said.used);
      for (const reply of said.replies) say(reply);
    },
    onData: (onData) => {
      listener = onData;
    },
    onClose: () => {},
    discardInput: () => {},
    close: () => Promise.resolve(),
  };
  const connect = (): Promise<ByteChannel> => Promise.resolve(channel);
  const spec = { name: "wire", connect, reconnects: false, gap: 3, quiet: 20, character: 1 };
  return { asker: new Asker(spec, clock), clock };
}

/** What a promise comes to, time moved on until it does. */
async function outcome(promise: Promise<unknown>, clock: VirtualClock): Promise<unknown> {
  const done: unknown[] = [];
  const settled = promise.then(
    (value) => done.push({ value }),
    (error: unknown) => done.push({ error }),
  );
  for (let second = 0; done.length === 0 && second < 3000; second += 1) await clock.advance(1000);
  await settled;
  return done[0];
}

const identity = { id: "12345678", manufacturer: "KAM", version: 8, medium: 4 };
const telegram = (records: string) => Uint8Array.of(...mbusHeader(identity), ...hex(records));

/** Each reads its device once; `truth` is what an undamaged reading gives. */
const readings = [
  {
    name: "dlt645",
    slave: () =>
      dlt645Meter(addressOf("7"), new Map([["0201FF00", hex("01 23 98 22 05 24")]]), { most: 4 }),
    async read(asker: Asker, clock: VirtualClock) {
      const meter = new Dlt645Meter({ asker, clock, number: "7", timeout: 100 });
      return Buffer.from(await meter.read("0201FF00", never)).toString("hex");
    },
    truth: [Buffer.from([...encodeDecimal(2301, 2), ...hex("98 22 05 24")]).toString("hex")],
  },
  {
    name: "mbus",
    slave: () =>
      mbusMeter({ primary: 5, identity }, [
        telegram("04 06 E7 91 00 00 1F"),
        telegram("04 13 4C 01 00 00"),
      ]),
    async read(asker: Asker) {
      const meter = new MbusMeter({ asker, whom: 5, telegrams: 4, timeout: 100 });
      const { records } = await meter.read(never);
      return records.map(({ vif, value }) => `${vif} ${value}`).join();
    },
    // The second telegram may be missing: that is a fault beside the first.
    truth: ["06 37351,13 332", "06 37351"],
  },
  {
    name: "sdi12",
    slave: () => sdi12Sensor("0", { M: { seconds: 2, values: ["+1.5", "-2", "+3"], perLine: 2 } }),
    async read(asker: Asker, clock: VirtualClock) {
      const spec = { asker, clock, address: "0", crc: true, breaks: false, expected: {} };
      return (await new Sensor({ ...spec, timeout: 100 }).measure("M", never)).join();
    },
    // The promise has no CRC: a smaller number of values leaves the last line unread.
    truth: ["+1.5,-2,+3", "+1.5,-2"],
  },
  {
    name: "umb",
    slave: () =>
      umbDevice(
        0x7001,
        new Map([
          [100, { type: 0x16, raw: hex("F5 54 E1 41") }],
          [200, { type: 0x10, raw: hex("37") }],
        ]),
      ),
    async read(asker: Asker) {
      const station = new Station({ asker, address: 0x7001, timeout: 100 });
      const { channels } = await station.read([100, 200], never);
      return [...channels].map(([channel, { value }]) => `${channel} ${value}`).join();
    },
    truth: ["100 28.16648,200 55"],
  },
];

describe.each(readings)("$name", ({ slave, read, truth }) => {
  it("undamaged gives the truth", async () => {
    const { asker, clock } = wireTo(slave(), { answer: 99, kind: "lose", at: 0, byte: 1 });
    expect(await outcome(read(asker, clock), clock)).toEqual({ value: truth[0] });
  });

  it("damaged gives the truth or fails with a verdict", async () => {
    await fc.assert(
      fc.asyncProperty(damage, async (harm) => {
        const { asker, clock } = wireTo(slave(), harm);
        const done = await outcome(read(asker, clock), clock);
        if (typeof done === "object" && done !== null && "error" in done) {
          const { error } = done;
          expect(error).toBeInstanceOf(GatewayError);
          expect(error).toHaveProperty("code", expect.stringMatching(/^E_DEVICE_/));
        } else {
          expect(truth.map((value) => ({ value }))).toContainEqual(done);
        }
      }),
      { numRuns: 300 },
    );
  });
});
