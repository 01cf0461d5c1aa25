/** The devices of an agent: as they are given, as they are watched, and how they look. */
import type { Session } from "../drivers/index.ts";
import type { DeviceAddress, Point } from "../telemetry/index.ts";
import type { Described, LinkState } from "./devices.ts";
import { Inventory } from "./devices.ts";
import type { PolledDevice } from "./poller.ts";
import type { Settable } from "./setter.ts";

/** One device to poll: already open, with its place in the world. */
export interface AgentDevice extends Described {
  readonly session: Session;
  readonly busKey: string;
  /** How many devices of its bus may be read at once; one when left out. */
  readonly width?: number | undefined;
}

/** How the agent looks at the moment: the live table and `status` are made of it. */
export interface DeviceView {
  readonly address: DeviceAddress;
  readonly state: LinkState | "unknown";
  readonly reason: string;
  /** Batches read since start. */
  readonly read: number;
  /** When the device answered last. @unit ms since 1970-01-01 UTC */
  readonly time: number | undefined;
  readonly points: readonly Point[];
}

/** What the agent remembers of a device. */
export interface Watched {
  readonly device: AgentDevice;
  readonly inventory: Inventory;
  state: LinkState | "unknown";
  reason: string;
  failures: number;
  read: number;
  time: number | undefined;
  /** When its newest event was. @unit ms since 1970-01-01 UTC */
  event: number | undefined;
  points: readonly Point[];
}

export function watch(device: AgentDevice): Watched {
  return {
    device,
    inventory: new Inventory(),
    state: "unknown",
    reason: "none",
    failures: 0,
    read: 0,
    time: undefined,
    event: undefined,
    points: [],
  };
}

export function settable({ address, session, settings = [] }: AgentDevice): Settable[] {
  const { actuator } = session;
  return actuator === undefined || settings.length === 0 ? [] : [{ address, actuator, settings }];
}

export function polled({ address, session, busKey, width, interval }: AgentDevice): PolledDevice {
  return { id: address.device, session, busKey, width, interval };
}
