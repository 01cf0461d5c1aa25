/** The parts of the front that are pure: properties, pieces, the window. */
import mqttPacket from "mqtt-packet";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Pieces } from "../../../broker/mqtt5/pieces.ts";
import {
  allowedIn,
  propertyBlock,
  propertyIds,
  readProperties,
  textProperty,
  variable,
  variableAt,
} from "../../../broker/mqtt5/properties.ts";
import { Window } from "../../../broker/mqtt5/window.ts";

describe("a variable byte integer [MQTT5 1.5.5]", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(fc.nat(268_435_455), (value) => {
        const bytes = variable(value);
        expect(variableAt(bytes, 0)).toEqual({ value, end: bytes.length });
      }),
    );
  });
});

describe("properties [MQTT5 2.2.2]", () => {
  it("are read out of any bytes, or are a fault", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const read = readProperties(Buffer.from(bytes), 0, allowedIn.publish);
        if ("code" in read) expect([0x81, 0x82]).toContain(read.code);
        else expect(read.end).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  it("ride on in the order they came [MQTT5-3.3.2-17]", () => {
    const texts = fc.array(
      fc.string({ maxLength: 9 }).filter((text) => /^[\x20-\x7e]*$/.test(text)),
      {
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(texts, (names) => {
        const pairs = names.map((name) =>
          Buffer.concat([
            textProperty(propertyIds.user, name),
            textProperty(propertyIds.user, "value").subarray(1),
          ]),
        );
        const read = readProperties(propertyBlock(pairs), 0, allowedIn.publish);
        expect("code" in read ? read : read.riding).toEqual(Buffer.concat(pairs));
      }),
    );
  });
});

describe("pieces", () => {
  it("of mqtt-packet are put together to the packets it wrote, payloads uncopied", () => {
    const packets = fc.array(
      fc.oneof(
        fc.record({
          cmd: fc.constant("publish" as const),
          topic: fc.string({ minLength: 1, maxLength: 300 }),
          payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
          qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
          retain: fc.boolean(),
          dup: fc.constant(false),
          messageId: fc.integer({ min: 1, max: 65_535 }),
        }),
        fc.record({
          cmd: fc.constantFrom("puback" as const, "pubrec" as const),
          messageId: fc.integer({ min: 1, max: 65_535 }),
        }),
        fc.constant({ cmd: "pingresp" as const }),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(packets, (written) => {
        const pieces = new Pieces();
        const bytes: Buffer[] = [];
        const payloads: unknown[] = [];
        const stream = {
          write(piece: Buffer | string) {
            const whole = pieces.add(typeof piece === "string" ? Buffer.from(piece) : piece);
            if (whole === undefined) return true;
            const { first, body, payload } = whole;
            const size = body.length + (payload?.length ?? 0);
            bytes.push(Buffer.concat([Buffer.from([first]), variable(size), body]));
            if (payload !== undefined) payloads.push(payload);
            if (payload !== undefined) bytes.push(payload);
            return true;
          },
        };
        for (const one of written)
          Reflect.apply(mqttPacket.writeToStream, undefined, [one, stream]);
        const whole = written.map((one) => mqttPacket.generate(one));
        expect(Buffer.concat(bytes)).toEqual(Buffer.concat(whole));
        const sent = written.flatMap((one) => ("payload" in one ? [one.payload] : []));
        expect(payloads.every((payload, index) => payload === sent[index])).toBe(true);
        expect(payloads).toHaveLength(sent.length);
      }),
    );
  });
});

describe("the window [MQTT5 4.9]", () => {
  it("lets all through, in order, and never more at once", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.nat(30),
        fc.infiniteStream(fc.boolean()),
        (size, count, turns) => {
          const sent: number[] = [];
          const open: number[] = [];
          const window = new Window(size, ([piece]) => {
            sent.push(piece?.[0] ?? 0);
            open.push(piece?.[0] ?? 0);
            expect(open.length).toBeLessThanOrEqual(size);
          });
          const close = (): void => {
            const [id] = open.splice(0, 1);
            if (id !== undefined) window.close(id);
          };
          for (let id = 1; id <= count; id += 1) {
            window.offer(id, [Buffer.from([id])]);
            if (turns.next().value) close();
          }
          while (open.length > 0) close();
          expect(sent).toEqual(Array.from({ length: count }, (_, index) => index + 1));
          expect(window.bytes).toBe(0);
        },
      ),
    );
  });
});
