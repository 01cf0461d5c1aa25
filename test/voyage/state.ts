/** What a voyage is made of and what has happened on it, as weather and laws see it. */
import type { Agent } from "../../agent/index.ts";
import type { VirtualClock } from "../virtual.ts";
import type { BrokerWire } from "./broker.ts";
import type { Chance } from "./chance.ts";
import type { Devices } from "./device.ts";
import type { Platter } from "./disk.ts";
import type { SimHub } from "./hub.ts";
import type { SimProcess } from "./process.ts";
import type { Rows } from "./store.ts";
import type { SimWire, Way } from "./wire.ts";

/** @unit bytes */
export const spoolSize = 256 * 1024;
/** Live messages that may be on the way. */
export const window = 4;

export interface VoyageState {
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly platter: Platter;
  readonly rows: Rows;
  readonly wire: SimWire | BrokerWire;
  readonly devices: Devices;
  readonly weather: { way: Way; calm: boolean; readonly capacity: number };
  readonly agent: Agent | undefined;
  readonly agentProcess: SimProcess;
  readonly hub: SimHub | undefined;
  readonly hubProcess: SimProcess;
  /** Laws that did not hold. */
  readonly broken: string[];
  /** What the agent called spooled: kind, device and time. */
  readonly spooled: Set<string>;
  /** Events: device and time. */
  readonly turned: Set<string>;
  /** The newest reading of each device that reached the hub live. */
  readonly newest: Map<string, number>;
  /** Devices beyond the alert's limit, as the hub has seen since the storm. */
  readonly passed: Set<string>;
  /** Devices whose alert was told to fire. */
  readonly fired: string[];
  /** The wall clock once went back. */
  jumpedBack: boolean;
  /** Batches given up to make room. */
  readonly shed: number;
  /** Bits flipped in segments. */
  readonly rots: number;
}
