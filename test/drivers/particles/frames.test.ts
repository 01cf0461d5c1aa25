/**
 * Frames of particle sensors: whole, split at each byte, doubled, truncated, corrupted, behind any
 * garbage; and what a session makes of them.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Values } from "../../../drivers/particles/fields.ts";
import type { FrameForm } from "../../../drivers/particles/frames.ts";
import { FrameCutter } from "../../../drivers/particles/frames.ts";
import { plantower, plantowerLimit } from "../../../drivers/particles/plantower.ts";
import { sds011, sds011Length } from "../../../drivers/particles/sds011.ts";
import { encodeAnswer, encodeRequest, ShdlcReader } from "../../../drivers/particles/shdlc.ts";
import { readMeasured, startMeasurement, valuesOf } from "../../../drivers/particles/sps30.ts";
import { particleEar } from "../../../drivers/particles/streamed.ts";
import type { Heard } from "../../../drivers/contract.ts";
import { VirtualClock } from "../../virtual.ts";
import { plantowerFrame, sds011Frame } from "./sensors.ts";

const plain = (values: Values | undefined): Record<string, number> =>
  Object.fromEntries(Object.entries(values ?? {}).map(([field, { value }]) => [field, value]));

const cutWhole = (form: FrameForm<Values>, bytes: Uint8Array) => {
  const { frames, broken } = new FrameCutter(form).accept(bytes);
  return { frames: frames.map(plain), broken };
};

const dust = { pm1: 5, pm25: 12, pm10: 300 };

describe.each([
  {
    name: "Plantower",
    form: plantower,
    frame: plantowerFrame(dust),
    limit: plantowerLimit,
    expected: { pm1_ugm3: 5, pm25_ugm3: 12, pm10_ugm3: 300 },
  },
  {
    name: "SDS011",
    form: sds011,
    frame: sds011Frame(dust),
    limit: sds011Length,
    expected: { pm25_ugm3: 12, pm10_ugm3: 300 },
  },
])("$name", ({ form, frame, limit, expected }) => {
  it("whole and doubled", () => {
    expect(cutWhole(form, frame)).toEqual({ frames: [expected], broken: 0 });
    const twice = Buffer.concat([frame, frame]);
    expect(cutWhole(form, twice)).toEqual({ frames: [expected, expected], broken: 0 });
  });

  it("split at each byte", () => {
    for (let at = 0; at <= frame.length; at += 1) {
      const cutter = new FrameCutter(form);
      const parts = [frame.subarray(0, at), frame.subarray(at)];
      const frames = parts.flatMap((part) => cutter.accept(part).frames);
      expect(frames.map(plain)).toEqual([expected]);
    }
  });

  it("truncated: the next one is still found", () => {
    for (let length = 0; length < frame.length; length += 1) {
      const bytes = Buffer.concat([frame.subarray(0, length), frame, frame]);
      const { frames } = cutWhole(form, bytes);
      expect(frames.at(-1)).toEqual(expected);
    }
  });

  it("corrupted in one byte: no frame, never a wrong value", () => {
    for (let at = 0; at < frame.length; at += 1) {
      const bytes = Buffer.from(frame);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      const { frames } = cutWhole(form, bytes);
      // Two bytes of the SDS011's frame are its number, which its sum covers too.
      expect(frames).toEqual([]);
    }
  });

  it("any bytes, in any pieces: bounded memory, and the frame after them is found", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 });
    fc.assert(
      fc.property(pieces, (pieces) => {
        const cutter = new FrameCutter(form);
        for (const piece of pieces) {
          cutter.accept(piece);
          expect(cutter.pending).toBeLessThan(limit);
        }
        const rest = cutter.accept(Buffer.concat([Buffer.alloc(limit), frame]));
        expect(rest.frames.map(plain).at(-1)).toEqual(expected);
      }),
    );
  });
});

describe("Plantower's family", () => {
  it.each([20, 28, 36])("length %i", (length) => {
    const { frames } = cutWhole(plantower, plantowerFrame(dust, length));
    expect(frames).toEqual([{ pm1_ugm3: 5, pm25_ugm3: 12, pm10_ugm3: 300 }]);
  });

  it("a length of no sensor is no frame", () => {
    expect(cutWhole(plantower, plantowerFrame(dust, 24))).toEqual({ frames: [], broken: 0 });
  });
});

describe("SHDLC", () => {
  const answer = { command: 3, state: 0, data: Uint8Array.of(0x7e, 0x7d, 0x11, 0x13, 0) };
  const frame = encodeAnswer(answer);

  it("the requests of the data sheet's examples [SPS30 5.3.1, 5.3.3]", () => {
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
    expect(hex(encodeRequest(startMeasurement))).toBe("7e0000020103f97e");
    expect(hex(encodeRequest(readMeasured))).toBe("7e000300fc7e");
  });

  it("stuffs what would be taken for a flag or flow control [SPS30 5.2]", () => {
    expect(Buffer.from(frame).toString("hex")).toContain("7d5e7d5d7d317d33");
    expect(new ShdlcReader().accept(frame).answers).toEqual([answer]);
  });

  it("split at each byte, doubled, with one flag between two or two", () => {
    for (let at = 0; at <= frame.length; at += 1) {
      const reader = new ShdlcReader();
      const parts = [frame.subarray(0, at), frame.subarray(at)];
      expect(parts.flatMap((part) => reader.accept(part).answers)).toEqual([answer]);
    }
    const twice = Buffer.concat([frame, frame]);
    expect(new ShdlcReader().accept(twice).answers).toEqual([answer, answer]);
    const shared = Buffer.concat([frame, frame.subarray(1)]);
    expect(new ShdlcReader().accept(shared).answers).toEqual([answer, answer]);
  });

  it("corrupted or truncated: no answer, never a wrong one", () => {
    for (let at = 1; at < frame.length - 1; at += 1) {
      for (const mask of [1, 0x10, 0x80]) {
        const bytes = Buffer.from(frame);
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        expect(new ShdlcReader().accept(bytes).answers).toEqual([]);
      }
      const short = Buffer.concat([frame.subarray(0, at), Buffer.of(0x7e)]);
      expect(new ShdlcReader().accept(short).answers).toEqual([]);
    }
  });

  it("any answer comes back; any bytes leave bounded memory behind", () => {
    const answers = fc.record({
      command: fc.nat(255),
      state: fc.nat(255),
      data: fc.uint8Array({ maxLength: 255 }),
    });
    fc.assert(
      fc.property(answers, fc.uint8Array({ maxLength: 2000 }), (answer, noise) => {
        const reader = new ShdlcReader();
        reader.accept(noise);
        expect(reader.pending).toBeLessThanOrEqual(520);
        const bytes = Buffer.concat([Buffer.of(0x7e), encodeAnswer(answer)]);
        expect(reader.accept(bytes).answers.at(-1)).toEqual(answer);
      }),
    );
  });

  it("ten floats are values; an error state and another length are faults", () => {
    const view = new DataView(new ArrayBuffer(40));
    [1.2, 2.3, 3.4, 4.5].forEach((value, index) => view.setFloat32(index * 4, value));
    const data = new Uint8Array(view.buffer);
    expect(plain(valuesOf({ command: 3, state: 0, data }))).toEqual({
      pm1_ugm3: 1.2,
      pm25_ugm3: 2.3,
      pm4_ugm3: 3.4,
      pm10_ugm3: 4.5,
    });
    expect(valuesOf({ command: 3, state: 0, data: new Uint8Array(0) })).toBeUndefined();
    const whole = new Uint8Array(20).fill(1, 1, 2);
    expect(plain(valuesOf({ command: 3, state: 0, data: whole }))["pm1_ugm3"]).toBe(1);
    expect(() => valuesOf({ command: 3, state: 0, data: data.slice(4) })).toThrow("36 bytes");
    expect(() => valuesOf({ command: 3, state: 0x28, data })).toThrow("0x28");
  });
});

describe("what is heard of a stream", () => {
  const frame: Values = { ...sds011.decode(sds011Frame(dust)) };

  it("the newest of each span, with the broken frames as faults, a few at most", async () => {
    const clock = new VirtualClock();
    const heard: Heard[] = [];
    const ear = particleEar({ clock, every: 10_000, channel: "air" }, (one) => heard.push(one));
    for (let second = 0; second < 30; second += 1) {
      expect(ear({ frames: [frame], broken: second === 4 ? 100 : 0 })).toBe("said");
      await clock.advance(1000);
    }
    expect(heard.map(({ reading }) => reading.faults.length)).toEqual([0, 8, 0]);
    expect(ear({ frames: [], broken: 1 })).toBe("noise");
  });
});
