/**
 * The online data request for several channels (command 2F) and its answer.
 *
 *   request   | count | channel 2 … |
 *   answer    | status | count | ( length | status | channel 2 | type | value ) … |
 *
 * A channel that has no value now is answered without type and value; its status says why.
 * [UMB-1.0 3.11]
 */

export const onlineData = { command: 0x2f, version: 0x10 } as const;

/** Channels of one request: so many doubles fit one answer. [UMB-1.0 3.11] */
export const channelLimit = 15;

/** Channel numbers are two bytes. */
export const highestChannel = 0xffff;

export interface ChannelAnswer {
  readonly status: number;
  /** Undefined when the status is not 0. */
  readonly value: number | undefined;
  /** The value as it came. */
  readonly raw: Uint8Array;
}

export interface OnlineData {
  /** Status of the whole answer. */
  readonly status: number;
  readonly channels: ReadonlyMap<number, ChannelAnswer>;
}

export function encodeRequest(channels: readonly number[]): Uint8Array {
  return Uint8Array.of(channels.length, ...channels.flatMap((one) => [one & 0xff, one >> 8]));
}

/** What an answer holds; undefined: it is no answer of this command. */
export function decodeAnswer(payload: Uint8Array): OnlineData | undefined {
  const [status, count = 0] = payload;
  const channels = new Map<number, ChannelAnswer>();
  if (status === undefined) return undefined;
  if (status !== statuses.ok) return { status, channels };
  let at = 2;
  for (let index = 0; index < count; index += 1) {
    const length = payload[at] ?? 0;
    const part = payload.subarray(at + 1, at + 1 + length);
    if (length < 3 || part.length < length) return undefined;
    const answer = channelOf(part);
    if (answer === undefined) return undefined;
    channels.set((part[1] ?? 0) + ((part[2] ?? 0) << 8), answer);
    at += 1 + length;
  }
  return at === payload.length ? { status, channels } : undefined;
}

function channelOf(part: Uint8Array): ChannelAnswer | undefined {
  const [status = 0, , , type = 0] = part;
  const raw = part.slice(4);
  if (status !== statuses.ok) return { status, value: undefined, raw };
  const value = decodeValue(type, raw);
  return value === undefined ? undefined : { status, value, raw };
}

/** Types by their code: length and meaning. */
const types: ReadonlyMap<number, readonly [length: number, read: (view: DataView) => number]> =
  new Map([
    [0x10, [1, (view: DataView) => view.getUint8(0)] as const],
    [0x11, [1, (view: DataView) => view.getInt8(0)] as const],
    [0x12, [2, (view: DataView) => view.getUint16(0, true)] as const],
    [0x13, [2, (view: DataView) => view.getInt16(0, true)] as const],
    [0x14, [4, (view: DataView) => view.getUint32(0, true)] as const],
    [0x15, [4, (view: DataView) => view.getInt32(0, true)] as const],
    // Seven digits are what a single holds: 28.17, not 28.170000076293945.
    [0x16, [4, (view: DataView) => Number(view.getFloat32(0, true).toPrecision(7))] as const],
    [0x17, [8, (view: DataView) => view.getFloat64(0, true)] as const],
  ]);

function decodeValue(type: number, raw: Uint8Array): number | undefined {
  const [length, read] = types.get(type) ?? [];
  if (read === undefined || raw.length !== length) return undefined;
  return read(new DataView(raw.buffer, raw.byteOffset, raw.byteLength));
}

const statuses = { ok: 0x00, busy: 0x28 } as const;

/** What a status means. */
const meanings: ReadonlyMap<number, string> = new Map([
  [0x10, "unknown command"],
  [0x11, "invalid parameter"],
  [0x12, "invalid header"],
  [0x13, "invalid version of the command"],
  [0x20, "reading failed"],
  [0x23, "invalid address"],
  [0x24, "invalid channel"],
  [0x28, "not ready"],
  [0x29, "undervoltage"],
  [0x2a, "hardware fault"],
  [0x2b, "measuring fault"],
  [0x2c, "initialisation fault"],
  [0x50, "above the range of the channel"],
  [0x51, "below the range of the channel"],
  [0x52, "above the measuring range"],
  [0x53, "below the measuring range"],
  [0x54, "no valid data"],
  [0x55, "not measurable in these conditions"],
]);

/** A status in words. */
export function statusText(status: number): string {
  return meanings.get(status) ?? `status ${status.toString(16).padStart(2, "0")}`;
}

/** Whether a status says no more than that there is no value now: nobody's fault. */
export function isNoValue(status: number): boolean {
  return status >= 0x50 && status <= 0x55;
}
