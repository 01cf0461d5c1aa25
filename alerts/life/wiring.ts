/**
 * What devices are read through: each hangs on a line (a serial bus, a serial adapter, a gateway's
 * address) of an agent. When all of a line is silent, or an agent has gone, that one thing is the
 * cause: an alert of the rule `common-cause` stands for it, with the devices as its consequences.
 */
import type { DeviceAddress, Tags } from "../../telemetry/index.ts";
import type { Face } from "../groups.ts";
import { identityOf } from "../groups.ts";
import type { Severity } from "../rule.ts";
import { severities } from "../rule.ts";

/** A line with fewer devices is no cause of its own. */
const fewest = 2;

/** What a device says of its way to us. */
export interface Wired {
  readonly address: DeviceAddress;
  /** The agent that reads it, an id of the same site. */
  readonly agent?: string | undefined;
  /** The bus, port or address at which the agent reaches it. */
  readonly line?: string | undefined;
}

/** An agent, or one line of it. */
export interface Thing {
  readonly agent: DeviceAddress;
  readonly line: string | undefined;
}

/** What an alert calls the tag of a line. */
const lineTag = "line";

export function thingName({ agent, line }: Thing): string {
  return line === undefined ? identityOf(agent) : `${identityOf(agent)} ${line}`;
}

/** The thing that an alert of `common-cause` stands for. */
export function thingOf(agent: DeviceAddress, tags: Tags): Thing {
  return { agent, line: tags[lineTag] };
}

export function tagsOfThing({ line }: Thing): Tags {
  return line === undefined ? {} : { [lineTag]: line };
}

export function faceOfThing({ agent, line }: Thing, severity: Severity): Face {
  const what = line === undefined ? `Agent ${agent.device} is gone` : `All of ${line} is silent`;
  return { about: what, severity, unit: "devices", threshold: 1 };
}

export function worstOf(all: readonly Severity[]): Severity {
  return all.reduce((worst, one) => {
    return severities.indexOf(one) > severities.indexOf(worst) ? one : worst;
  }, "info");
}

/** The wires of all devices that are known. */
export class Wiring {
  readonly #through = new Map<string, readonly string[]>();
  readonly #things = new Map<string, Thing>();

  constructor(devices: readonly Wired[]) {
    for (const { address, agent: id, line } of devices) {
      if (id === undefined || (address.class === "agent" && address.device === id)) continue;
      const agent = { ...address, class: "agent", device: id };
      const things = [...(line === undefined ? [] : [{ agent, line }]), { agent, line: undefined }];
      for (const thing of things) this.#things.set(thingName(thing), thing);
      this.#through.set(identityOf(address), things.map(thingName));
    }
  }

  /** What a device is read through, the nearest first; undefined where nobody said. */
  through(device: string): readonly string[] | undefined {
    return this.#through.get(device);
  }

  thing(name: string): Thing | undefined {
    return this.#things.get(name);
  }
}

/** What is known of a thing through which devices are silent. */
export interface Suspect {
  readonly thing: Thing;
  /** Devices whose silence is watched. */
  readonly members: number;
  /** Of them those that are silent: one at least. */
  readonly silent: number;
  /** An alert stands for it already. */
  readonly standing: boolean;
  /** Long enough ago for the others to have fallen silent too. */
  readonly ripe: boolean;
  /** Whether its agent is known to have gone; undefined while nobody knows. */
  readonly gone: boolean | undefined;
  /** Another alert says that its agent is dead. */
  readonly explained: boolean;
}

/** Whether an alert has to stand for it. */
export function isCause(suspect: Suspect): boolean {
  const { thing, members, silent, standing, ripe, gone, explained } = suspect;
  if (thing.line === undefined) {
    return standing ? gone !== false : gone === true && !explained;
  }
  if (silent < members || members < fewest) return false;
  return standing || (ripe && gone !== true && !explained);
}
