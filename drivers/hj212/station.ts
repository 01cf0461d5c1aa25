/** One station's packets as readings: split ones put together, repeated ones answered only. */
import { createHash } from "node:crypto";
import type { Secret } from "../../config/index.ts";
import type { Clock, Fault } from "../../telemetry/index.ts";
import type { Heard } from "../contract.ts";
import type { Understood } from "../transport/hearing.ts";
import { Allowance, isCredible } from "../transport/hearing.ts";
import type { Factor } from "./factors.ts";
import { kinds, readingOf } from "./reading.ts";
import type { Segment } from "./segment.ts";
import type { Packet } from "./way.ts";

/** More packets no station may send; a catch-up after days sends thousands, at its own pace. */
const allowed = { burst: 200, perSecond: 20 };

/** Faults told with one reading at most. */
const maxFaults = 8;

/** Packets remembered, to know those that come again. */
const keptPackets = 256;

/** Split messages under way, and packets of one. */
const splitLimits = { messages: 8, packets: 16 };

export interface StationParts {
  readonly station: string;
  readonly password: Secret | undefined;
  readonly zone: number;
  readonly own: ReadonlyMap<string, Factor>;
  readonly clock: Clock;
  readonly memory: StationMemory;
}

/** What is known of a station's packets, kept over a closed port. */
export class StationMemory {
  readonly #seen = new Set<string>();
  readonly #told = new Set<string>();
  readonly #split = new Map<string, Map<number, string>>();

  /**
   * Whether a packet came before: a station sends it again, with the same number, until it is
   * answered. One without a number is never known.
   */
  isRepeat({ request, command, packet, content }: Segment): boolean {
    if (request === "") return false;
    // Some stations count badly: what tells of another time is another message.
    const time = /DataTime=(\d*)/.exec(content)?.[1] ?? "";
    const key = `${request.slice(0, 32)} ${command} ${packet} ${time.slice(0, 32)}`;
    return isKnown(this.#seen, key);
  }

  /**
   * Whether the same was told before under another number: two batches of one moment would be one
   * row, of which the audit misses the other.
   */
  isTold(command: string, content: string): boolean {
    const digest = createHash("sha256").update(content, "latin1").digest("base64");
    return isKnown(this.#told, `${command} ${digest}`);
  }

  /** The content of a whole message, or undefined while packets are missing. */
  whole({ request, command, packets, packet, content }: Segment): string | undefined {
    if (packets <= 1) return content;
    if (packet < 1 || packet > packets || packets > splitLimits.packets) return undefined;
    const key = `${request.slice(0, 32)} ${command} ${packets}`;
    const parts = this.#split.get(key) ?? new Map<number, string>();
    this.#split.set(key, parts.set(packet, content));
    if (parts.size === packets) {
      this.#split.delete(key);
      const inOrder = [...parts].toSorted(([one], [other]) => one - other);
      return inOrder.map(([, part]) => part).join(";");
    }
    for (const oldest of this.#split.keys()) {
      if (this.#split.size <= splitLimits.messages) break;
      this.#split.delete(oldest);
    }
    return undefined;
  }
}

/** Whether a key was seen lately, and remembers it. */
function isKnown(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return true;
  seen.add(key);
  for (const oldest of seen) {
    if (seen.size <= keptPackets) break;
    seen.delete(oldest);
  }
  return false;
}

/** @throws E_SECRET_MISSING */
export function stationEar(
  { station, password, zone, own, clock, memory }: StationParts,
  heard: (heard: Heard) => void,
): (packet: Packet) => Understood {
  const allowance = new Allowance(clock, allowed);
  // Now, so that a secret that is not there fails the listening and no packet.
  const wanted = password?.reveal();
  const faults: Fault[] = [];
  const fault = (code: Fault["code"], at: string): void => {
    if (faults.length < maxFaults) faults.push({ code, at });
  };
  return ({ segment, valid, broken, answer }) => {
    if (segment.station !== station) return "other";
    for (let left = broken; left > 0 && faults.length < maxFaults; left -= 1) {
      fault("E_DEVICE_FRAME", "frame");
    }
    if (wanted !== undefined && segment.password !== wanted) {
      fault("E_LOGIN", "PW");
      return "noise";
    }
    if (!allowance.take()) {
      fault("E_DEVICE_FRAME", "too many packets");
      return "noise";
    }
    if (!valid) fault("E_DEVICE_FRAME", "checksum");
    const kind = kinds.get(segment.command);
    const content =
      kind === undefined || memory.isRepeat(segment) ? undefined : memory.whole(segment);
    const news = content !== undefined && !memory.isTold(segment.command, content);
    if (kind !== undefined && news) {
      const one = readingOf({ kind, system: segment.system, content, zone, own });
      const { time } = one;
      const credible = time !== undefined && isCredible(time, clock);
      if (!credible) fault("E_VALUE", "DataTime");
      const reading = { points: one.reading.points, faults: [...faults, ...one.reading.faults] };
      faults.length = 0;
      heard({ ...one, reading, time: credible ? time : undefined });
    }
    // Last: what was not handed over must come again.
    answer();
    return "said";
  };
}
