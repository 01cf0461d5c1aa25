/**
 * One record of the log: the lines of a write as they were accepted, in typed arrays.
 *
 *   u32 version (1) · u32 lines · u32 values · u32 bytes of texts
 *   f64 times[lines] · u32 series[lines] · u32 shapes[lines] · f64 values[values] · texts as JSON
 *
 * A line has as many values as its shape has names; the value of a text is its place in `texts`.
 */
import { damaged } from "./bytes.ts";

const version = 1;
const headBytes = 16;

export interface LogRecord {
  readonly times: Float64Array;
  /** Ids of series. */
  readonly series: Uint32Array;
  /** Ids of shapes. */
  readonly shapes: Uint32Array;
  readonly values: Float64Array;
  readonly texts: readonly string[];
}

export function encodeRecord({ times, series, shapes, values, texts }: LogRecord): Uint8Array {
  const json = texts.length === 0 ? new Uint8Array() : Buffer.from(JSON.stringify(texts));
  const [lines, count] = [times.length, values.length];
  const bytes = new Uint8Array(headBytes + lines * 16 + count * 8 + json.length);
  new Uint32Array(bytes.buffer, 0, 4).set([version, lines, count, json.length]);
  new Float64Array(bytes.buffer, headBytes, lines).set(times);
  new Uint32Array(bytes.buffer, headBytes + lines * 8, lines).set(series);
  new Uint32Array(bytes.buffer, headBytes + lines * 12, lines).set(shapes);
  new Float64Array(bytes.buffer, headBytes + lines * 16, count).set(values);
  bytes.set(json, headBytes + lines * 16 + count * 8);
  return bytes;
}

/** @throws E_STORE_CONFIG */
export function decodeRecord(record: Uint8Array): LogRecord {
  if (record.length < headBytes) throw damaged("a record of the log is cut short");
  // A copy begins at an address that typed arrays can start from.
  const { buffer } = record.slice();
  const [found = 0, lines = 0, count = 0, textBytes = 0] = new Uint32Array(buffer, 0, 4);
  if (found !== version) throw damaged("a record of the log has a version that is not known");
  const textsAt = headBytes + lines * 16 + count * 8;
  if (record.length !== textsAt + textBytes) throw damaged("a record of the log is cut short");
  const json = Buffer.from(buffer, textsAt, textBytes).toString();
  const texts: unknown = textBytes === 0 ? [] : JSON.parse(json);
  return {
    times: new Float64Array(buffer, headBytes, lines),
    series: new Uint32Array(buffer, headBytes + lines * 8, lines),
    shapes: new Uint32Array(buffer, headBytes + lines * 12, lines),
    values: new Float64Array(buffer, headBytes + lines * 16, count),
    texts: Array.isArray(texts) ? texts.map(String) : [],
  };
}
