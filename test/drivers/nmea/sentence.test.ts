/**
 * Sentences: whole, split at each byte, doubled, truncated, corrupted, too long; what is gathered
 * of them.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { v } from "../../../config/index.ts";
import type { Heard } from "../../../drivers/contract.ts";
import { nmeaEar } from "../../../drivers/nmea/ear.ts";
import { nmeaOptionsSchema } from "../../../drivers/nmea/options.ts";
import {
  checksumOf,
  lineLimit,
  parseSentence,
  SentenceReader,
} from "../../../drivers/nmea/sentence.ts";
import { readers, transducersOf } from "../../../drivers/nmea/values.ts";
import { problemOf, withRangeQuality } from "../../../telemetry/index.ts";
import { VirtualClock } from "../../virtual.ts";

const line = "$WIMWV,214.8,R,0.1,K,A*28\r\n";
const wind = { talker: "WI", type: "MWV", fields: ["214.8", "R", "0.1", "K", "A"] };
const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const sentence = (body: string): string => `$${body}*${checksumOf(body)}\r\n`;

describe("sentences", () => {
  it("carry the exclusive or of what stands between $ and * [NMEA-0183 5.3.3]", () => {
    expect(checksumOf("WIMWV,214.8,R,0.1,K,A")).toBe("28");
    expect(checksumOf("GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")).toBe("47");
  });

  it("whole, doubled, and split at each byte", () => {
    expect(new SentenceReader().accept(bytes(line + line)).sentences).toEqual([wind, wind]);
    for (let at = 0; at <= line.length; at += 1) {
      const reader = new SentenceReader();
      const parts = [line.slice(0, at), line.slice(at)].map(bytes);
      expect(parts.flatMap((part) => reader.accept(part).sentences)).toEqual([wind]);
    }
  });

  it("truncated or corrupted: none, and the next one is found", () => {
    for (let at = 1; at < line.length - 2; at += 1) {
      const short = `${line.slice(0, at)}\r\n${line}`;
      expect(new SentenceReader().accept(bytes(short)).sentences).toEqual([wind]);
      const broken = Buffer.from(line, "latin1");
      broken[at] = (broken[at] ?? 0) ^ 0x01;
      const { sentences } = new SentenceReader().accept(Buffer.concat([broken, bytes(line)]));
      expect(sentences.at(-1)).toEqual(wind);
      expect(sentences.length).toBeLessThanOrEqual(1);
    }
  });

  it("without a checksum only where that is wanted", () => {
    const bare = "$WIMWV,214.8,R,0.1,K,A";
    expect(parseSentence(bare, true)).toBeUndefined();
    expect(parseSentence(bare, false)).toEqual(wind);
    expect(parseSentence(`${bare}*29`, false)).toBeUndefined();
  });

  it("talkers of two letters, makers' own sentences, tag blocks", () => {
    expect(parseSentence("$PGILT,A,1", false)).toMatchObject({ talker: "P", type: "GILT" });
    expect(parseSentence(`\\s:mast*00\\${line.trim()}`, true)).toEqual(wind);
    for (const text of ["", "$", "$*00", "WIMWV,1", "$wimwv,1*00"]) {
      expect(parseSentence(text, true)).toBeUndefined();
    }
  });

  it("any bytes in any pieces: bounded memory, and a sentence after them is found", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(pieces, (pieces) => {
        const reader = new SentenceReader();
        for (const piece of pieces) {
          reader.accept(piece);
          expect(reader.pending).toBeLessThanOrEqual(lineLimit);
        }
        expect(reader.accept(bytes(`\r\n${line}`)).sentences.at(-1)).toEqual(wind);
      }),
    );
  });

  it("a line without end is thrown away up to its end", () => {
    const reader = new SentenceReader();
    for (let count = 0; count < 100; count += 1) reader.accept(bytes("$WIMWV,".repeat(20)));
    expect(reader.pending).toBe(0);
    expect(reader.accept(bytes(`1*00\r\n${line}`))).toEqual({ sentences: [wind], broken: 1 });
  });
});

describe("values", () => {
  it("any fields give legal values or none", () => {
    const field = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.float({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.constantFrom("A", "R", "T", "M", "N", "K", "C", "P", "H", "B", ""),
    );
    const fields = fc.array(field, { maxLength: 24 });
    fc.assert(
      fc.property(fc.constantFrom(...readers.keys(), "XDR"), fields, (type, fields) => {
        const sentence = { talker: "WI", type, fields };
        transducersOf(sentence).forEach(({ value }) => expect(value).toSatisfy(Number.isFinite));
        for (const value of readers.get(type)?.(sentence) ?? []) {
          if (value === undefined) continue;
          const { measurement } = value;
          const given = withRangeQuality(measurement, { [value.field]: value.value });
          expect(problemOf({ measurement, fields: given })).toBeUndefined();
        }
      }),
    );
  });

  it("units of transducers: bar, hPa, pascal, kelvin, fahrenheit [NMEA-0183 6.3 XDR]", () => {
    const fields = "P,1.01325,B,a,P,1013.25,H,b,P,101325,P,c,C,293.15,K,d,C,68,F,e".split(",");
    const values = transducersOf({ talker: "WI", type: "XDR", fields }).map(({ value }) => value);
    expect(values).toEqual([101_325, 101_325, 101_325, 20, 20]);
  });

  it("an empty field is no value, not zero", () => {
    const said = parseSentence("$WIMWV,,R,,M,A", false);
    expect(
      readers
        .get("MWV")?.(said ?? wind)
        .filter((value) => value !== undefined),
    ).toEqual([]);
  });
});

describe("what is gathered", () => {
  const hear = (more: object) => {
    const options = v.parse(nmeaOptionsSchema, { bus: "line", ...more });
    const clock = new VirtualClock();
    const heard: Heard[] = [];
    const ear = nmeaEar(options, clock, (one) => heard.push(one));
    const reader = new SentenceReader();
    return { clock, heard, say: (text: string) => ear(reader.accept(bytes(text))) };
  };

  it("is told once a span, the newest of each value, true wind before relative", async () => {
    const { clock, heard, say } = hear({ every: "10s" });
    say(sentence("WIMWV,10,R,1,M,A"));
    for (let second = 1; second <= 10; second += 1) {
      await clock.advance(1000);
      say(sentence(`WIMTA,${20 + second},C`));
      say(sentence(`WIMWV,${100 + second},T,2,M,A`) + sentence("WIMWV,10,R,1,M,A"));
    }
    expect(heard.map(({ reading }) => reading.points[0]?.fields)).toEqual([
      { wind_deg: 10, wind_mps: 1, q: 0 },
      { temp_c: 30, wind_deg: 109, wind_mps: 2, q: 0 },
    ]);
  });

  it("is of the talkers wanted; the others' do not end a silence", () => {
    const { heard, say } = hear({ every: "0ms", talkers: ["WI"] });
    expect(say(sentence("IIMTW,9.5,C"))).toBe("other");
    expect(say(sentence("WIMTA,21,C"))).toBe("said");
    expect(say("garbage\r\n")).toBe("noise");
    expect(heard).toHaveLength(1);
  });

  it("more faults than a few are not told", () => {
    const { heard, say } = hear({ every: "0ms" });
    say("garbage\r\n".repeat(1000));
    say(sentence("WIMTA,21,C"));
    expect(heard[0]?.reading.faults).toHaveLength(8);
  });
});
