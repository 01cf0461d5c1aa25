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

/** Messages remembered, to know those that come again. */
const keptMessages = 256;

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
  readonly #told = new Set<string>();
  readonly #split = new Map<string, Map<number, string>>();

  /**
   * The content of a message that is whole now, and was not told before: a station sends it again
   * until it is answered. What is the same for the same time is the same message, whatever number
   * it has (QN): two batches of one moment would be one row, of which the audit misses the other.
   * Numbers alone do not do, because some stations count badly.
   */
  newContent(segment: Segment): string | undefined {
    const content = this.#whole(segment);
    if (content === undefined) return undefined;
    const { request, command } = segment;
    const number = content.includes("DataTime=") ? "" : request;
    const digest = createHash("sha256").update(content, "latin1").digest("base64");
    if (isKnown(this.#told, `${command} ${number.slice(0, 32)} ${digest}`)) return undefined;
    return content;
  }

  /** The content of a whole message, or undefined while packets are missing. */
  #whole({ request, command, packets, packet, content }: Segment): string | undefined {
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
    if (seen.size <= keptMessages) break;
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
    // Answered all the same, or it would come for ever.
    if (segment.packets > splitLimits.packets) fault("E_DEVICE_FRAME", "PNUM");
    const kind = kinds.get(segment.command);
    const content = kind === undefined ? undefined : memory.newContent(segment);
    if (kind !== undefined && content !== undefined) {
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
