/**
 * Frames and segments of HJ 212: whole, split at each byte, doubled, truncated, corrupted, behind
 * garbage; and what a station's packets become.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { v } from "../../../config/index.ts";
import { crc212, encodeFrame, FrameReader } from "../../../drivers/hj212/frame.ts";
import { qualityOf } from "../../../drivers/hj212/factors.ts";
import { hj212OptionsSchema, ownFactors } from "../../../drivers/hj212/options.ts";
import { kinds, readingOf } from "../../../drivers/hj212/reading.ts";
import { answerTo, momentOf, parseContent, parseSegment } from "../../../drivers/hj212/segment.ts";
import type { Segment } from "../../../drivers/hj212/segment.ts";
import { StationMemory } from "../../../drivers/hj212/station.ts";
import { problemOf } from "../../../telemetry/index.ts";

const data =
  "QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;" +
  "CP=&&RtdInterval=30&&";
const frame = Buffer.from(encodeFrame(data));

const validIn = (...pieces: readonly Uint8Array[]): string[] => {
  const reader = new FrameReader();
  return pieces
    .flatMap((piece) => reader.accept(piece).frames)
    .filter(({ valid }) => valid)
    .map(({ data }) => data);
};

describe("frames", () => {
  it("the standard's own example [HJ-212-2017 6.3.2]", () => {
    expect(frame.toString()).toBe(`##0101${data}1C80\r\n`);
  });

  it("the checksum of the standard is not that of Modbus [HJ-212-2017 A]", () => {
    expect(crc212(Buffer.from(data))).toBe(0x1c80);
    expect(crc212(Buffer.from("123456789"))).not.toBe(0x4b37);
  });

  it("split at each byte, doubled, without a line end", () => {
    for (let at = 0; at <= frame.length; at += 1) {
      expect(validIn(frame.subarray(0, at), frame.subarray(at))).toEqual([data]);
    }
    expect(validIn(Buffer.concat([frame, frame]))).toEqual([data, data]);
    expect(validIn(Buffer.concat([frame.subarray(0, -2), frame]))).toEqual([data, data]);
  });

  it("truncated or corrupted: never a wrong frame, and the next one is found", () => {
    for (let at = 0; at < frame.length; at += 1) {
      const short = Buffer.concat([frame.subarray(0, at), Buffer.from("\r\n"), frame, frame]);
      expect(validIn(short).at(-1)).toEqual(data);
      const broken = Buffer.from(frame);
      broken[at] = (broken[at] ?? 0) ^ 0x04;
      const found = validIn(Buffer.concat([broken, frame]));
      expect(found.every((one) => one === data)).toBe(true);
      expect(found.length).toBeGreaterThan(0);
    }
  });

  it("a wrong checksum passes where it is believed, and is told apart", () => {
    const wrong = Buffer.from(`##0101${data}0000\r\n`);
    const reader = new FrameReader((text) => text === data);
    const { frames } = reader.accept(Buffer.concat([wrong, frame]));
    expect(frames).toEqual([
      { data, valid: false },
      { data, valid: true },
    ]);
  });

  it("any bytes in any pieces: bounded memory, and a frame after them is found", () => {
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom("##", "##9999", "##00", "#").map((text) => Buffer.from(text)),
      ),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(pieces, (pieces) => {
        const reader = new FrameReader();
        for (const piece of pieces) {
          reader.accept(piece);
          expect(reader.pending).toBeLessThanOrEqual(9999 + 10);
        }
        const after = Buffer.concat([Buffer.from("\r\n"), frame, frame]);
        expect(reader.accept(after).frames.some((one) => one.valid && one.data === data)).toBe(
          true,
        );
      }),
    );
  });

  it("heads upon heads do not keep the processor busy", () => {
    const reader = new FrameReader();
    const heads = Buffer.from("##9990".repeat(11_000));
    let checked = 0;
    for (let count = 0; count < 3; count += 1) checked += reader.accept(heads).frames.length;
    expect(checked).toBeLessThan(30);
    expect(reader.accept(Buffer.concat([Buffer.from("\r\n"), frame])).frames).toContainEqual({
      data,
      valid: true,
    });
  });

  it("a length that is never reached does not hold up the frames behind it", () => {
    expect(validIn(Buffer.from("##9999QN=1\r\n"), frame)).toEqual([data]);
  });
});

function segmentOf(text: string): Segment {
  const segment = parseSegment(text);
  if (segment === undefined) throw new Error("no segment");
  return segment;
}

describe("segments", () => {
  it("in whatever order, and with what is not known [HJ-212-2017 6.3.3]", () => {
    const text = "MN=M1;X=1;CN=2011;ST=22;QN=7;PW=p=w;Flag=7;PNUM=3;PNO=2;CP=&&a-Rtd=1&&";
    expect(segmentOf(text)).toEqual({
      request: "7",
      system: "22",
      command: "2011",
      password: "p=w",
      station: "M1",
      flag: 7,
      packets: 3,
      packet: 2,
      content: "a-Rtd=1",
    });
  });

  it("without station, command or content it is none", () => {
    for (const text of ["", "CN=2011;CP=&&&&", "MN=1;CP=&&&&", "MN=1;CN=x;CP=&&&&"]) {
      expect(parseSegment(text)).toBeUndefined();
    }
    expect(parseSegment("MN=1;CN=2011;CP=&&")).toBeUndefined();
    expect(parseSegment("MN=1;CN=2011;CP=&&&&")?.content).toBe("");
  });

  it("data is answered by 9014, a notice by 9013, in the version asked [HJ-212-2017 6.4.3]", () => {
    const asked = (command: string, flag: number) =>
      answerTo(
        segmentOf(`QN=20160801085000001;ST=22;CN=${command};PW=123456;MN=M1;Flag=${flag};CP=&&&&`),
      );
    const answer = (command: string, flag: number) =>
      `QN=20160801085000001;ST=91;CN=${command};PW=123456;MN=M1;Flag=${flag};CP=&&&&`;
    expect(asked("2011", 5)).toBe(answer("9014", 4));
    expect(asked("2061", 7)).toBe(answer("9014", 4));
    expect(asked("2011", 1)).toBe(answer("9014", 0));
    expect(asked("1013", 5)).toBe(answer("9013", 4)); // [HJ-212-2017 6.6.5]
    expect(asked("2011", 4)).toBeUndefined();
    expect(asked("9011", 5)).toBeUndefined();
  });

  it("an answer that somebody else's program gives, byte for byte", () => {
    const station = "010000A8900016F000169DC0";
    const text = `QN=20160801085000001;ST=22;CN=2011;PW=123456;MN=${station};Flag=7;CP=&&&&`;
    expect(Buffer.from(encodeFrame(answerTo(segmentOf(text)) ?? "")).toString()).toBe(
      `##0087QN=20160801085000001;ST=91;CN=9014;PW=123456;MN=${station};Flag=4;CP=&&&&C241\r\n`,
    );
  });

  it("any text is a segment or none, and gives legal points or none", () => {
    const kind = kinds.get("2011");
    if (kind === undefined) throw new Error("no kind");
    const content = fc.stringMatching(/^([an;,=&-]|a34004-Rtd=|DataTime=|\d){0,60}$/);
    fc.assert(
      fc.property(content, fc.string(), (content, text) => {
        parseSegment(text);
        const parts = { kind, system: "22", content, zone: 0, own: new Map() };
        const { points } = readingOf(parts).reading;
        for (const point of points) expect(problemOf(point)).toBeUndefined();
      }),
    );
  });
});

describe("content", () => {
  it("facts of factors, whatever stands between them [HJ-212-2017 6.3.4]", () => {
    const { time, factors } = parseContent("DataTime=20260101000000; a-Rtd=1, a-Flag=N;;b;c=");
    expect(time).toBe("20260101000000");
    expect([...factors]).toEqual([
      [
        "a",
        new Map([
          ["Rtd", "1"],
          ["Flag", "N"],
        ]),
      ],
    ]);
  });

  it("no more factors than a station can have", () => {
    const many = Array.from({ length: 600 }, (_, index) => `f${index}-Rtd=1`).join(";");
    expect(parseContent(many).factors.size).toBe(500);
  });

  it("the station's time is ahead of UTC", () => {
    const china = 8 * 3_600_000;
    expect(momentOf("20260101000000", china)).toBe(Date.parse("2025-12-31T16:00:00Z"));
    expect(momentOf("20260101000000123", 0)).toBe(Date.parse("2026-01-01T00:00:00.123Z"));
    for (const text of ["", "2026", "20260231000000", "20260101250000", "00000000000000"]) {
      expect(momentOf(text, 0)).toBeUndefined();
    }
  });

  it("each data mark has its quality [HJ-212-2017 table 8]", () => {
    const good = [undefined, "", "N", "n"].map(qualityOf);
    expect(good).toEqual([0, 0, 0, 0]);
    expect(["S", "F", "M", "D", "C", "T", "B", "?"].map(qualityOf)).toEqual([
      1, 2, 2, 2, 2, 2, 4, 2,
    ]);
  });

  it("real-time values and means of a minute, an hour, a day [HJ-212-2017 6.6.4]", () => {
    const content = "DataTime=20260101000000;a34004-Rtd=1,a34004-Min=2,a34004-Avg=3";
    const given = [...kinds].map(([command, kind]) => {
      const parts = { kind, system: "22", content, zone: 0, own: new Map() };
      const [point] = readingOf(parts).reading.points;
      return [command, point?.tags?.["sensor"], point?.fields["pm25_ugm3"]];
    });
    expect(given).toEqual([
      ["2011", "station", 1],
      ["2051", "minute", 3],
      ["2061", "hour", 3],
      ["2031", "day", 3],
    ]);
  });

  it("offsets and factors of the user's own", () => {
    const parse = (more: object) =>
      v.safeParse(hj212OptionsSchema, { listen: "tcp://0.0.0.0:1", station: "m", ...more });
    expect(parse({ utcOffset: "-03:30" }).output).toMatchObject({ utcOffset: -12_600_000 });
    expect(parse({ utcOffset: "8" }).success).toBe(false);
    expect(parse({ factors: { x: { field: "nothing_c" } } }).success).toBe(false);
    const { output } = parse({ factors: { x: { field: "temp_c", scale: 0.1 } } });
    if (output === undefined) throw new Error("no options");
    const own = ownFactors(
      v.parse(hj212OptionsSchema, {
        listen: "tcp://0.0.0.0:1",
        station: "m",
        factors: { x: { field: "temp_c", scale: 0.1 } },
      }),
    );
    expect(own.get("x")?.toField(215, "22")).toBeCloseTo(21.5);
  });
});

describe("packets", () => {
  const packet = (more: Partial<Segment>): Segment => ({
    ...segmentOf("QN=1;ST=22;CN=2011;PW=;MN=M1;Flag=5;CP=&&DataTime=20260101000000&&"),
    ...more,
  });

  it("that say the same of the same time are told once, whatever their number", () => {
    const memory = new StationMemory();
    const isNew = (request: string, content: string, command = "2011") =>
      memory.newContent(packet({ request, content, command })) !== undefined;
    expect(isNew("1", "DataTime=1;a-Rtd=1")).toBe(true);
    expect(isNew("1", "DataTime=1;a-Rtd=1")).toBe(false);
    expect(isNew("2", "DataTime=1;a-Rtd=1")).toBe(false);
    expect(isNew("1", "DataTime=1;a-Rtd=1", "2051")).toBe(true);
    // Some stations give one number to all they say at a time.
    expect(isNew("1", "DataTime=1;b-Rtd=1")).toBe(true);
    expect(isNew("1", "DataTime=2;a-Rtd=1")).toBe(true);
    expect(isNew("1", "a-Rtd=1")).toBe(true);
    expect(isNew("1", "a-Rtd=1")).toBe(false);
    expect(isNew("2", "a-Rtd=1")).toBe(true);
    for (let count = 0; count < 1000; count += 1) isNew("1", `DataTime=${count + 10}`);
    expect(isNew("1", "DataTime=1;a-Rtd=1")).toBe(true);
  });

  it("of a split message are put together in any order; what is never whole is let go", () => {
    const memory = new StationMemory();
    const part = (number: number, request = "1") =>
      memory.newContent(
        packet({ request, packets: 3, packet: number, content: `p${number} of ${request}` }),
      );
    expect([part(3), part(1), part(1), part(2)]).toEqual([
      undefined,
      undefined,
      undefined,
      "p1 of 1;p2 of 1;p3 of 1",
    ]);
    expect(part(4)).toBeUndefined();
    expect([part(1), part(2), part(3)]).toEqual([undefined, undefined, undefined]);
    part(1, "lost");
    for (let count = 0; count < 20; count += 1) part(1, `n${count}`);
    part(2, "lost");
    expect(part(3, "lost")).toBeUndefined();
    // Sent again as a whole it is heard, though its packets were answered before.
    expect(part(1, "lost")).toBe("p1 of lost;p2 of lost;p3 of lost");
    expect(memory.newContent(packet({ packets: 9999, packet: 1 }))).toBeUndefined();
  });
});
