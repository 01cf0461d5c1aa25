/**
 * What an alert looks like from outside: the transition that notifiers get, the retained payload
 * that says what is active on a device, and the `alert_event` row that stays in the store.
 *
 * payload  {"v":1,"time":…,"alerts":[{"rule":"rack-hot","severity":"warning","state":"firing",
 *           "since":…,"value":28.5,"unit":"°C","threshold":27,"channel":{"sensor":"inlet"},
 *           "about":"…","runbook":"…"}]}     times in ms since 1970-01-01 UTC; an empty list: all
 *           is well. What `life/quiet.ts` adds follows.
 */
import type { DeviceAddress, Line, Place, Tags } from "../telemetry/index.ts";
import type { AlertState, Change } from "./evaluate.ts";
import { stateOf } from "./evaluate.ts";
import type { Face, Group } from "./groups.ts";
import type { LifeView, Quiet } from "./life/quiet.ts";

/** One step in the life of one alert. */
export interface Transition extends Change, Face {
  readonly rule: string;
  /** The device, or the hub when the group is wider than a device or its class unknown. */
  readonly address: DeviceAddress;
  readonly place: Place;
  /** The `by` tags. */
  readonly tags: Tags;
  readonly value: number | undefined;
  /** Why nobody is told that it fires. */
  readonly quiet?: Quiet | undefined;
  /** To be told once more, though it was told before. */
  readonly again?: boolean;
}

/** An alert that is pending, firing or unknown. */
export interface AlertView extends Face, LifeView {
  readonly rule: string;
  readonly state: AlertState;
  /** When it became pending or firing. @unit ms since 1970-01-01 UTC */
  readonly since: number;
  readonly value: number | undefined;
  /** The `by` tags that the topic does not say. */
  readonly channel: Tags;
}

export function transitionOf(group: Group, change: Change): Transition {
  const { rule, address, place, tags, life } = group;
  return { rule: rule.id, ...rule.face, address, place, tags, ...change, value: life.value };
}

export function viewOf({ rule, address, tags, life }: Group): AlertView {
  const { about, runbook, severity, unit, threshold } = rule.face;
  return {
    rule: rule.id,
    severity,
    state: stateOf(life),
    since: life.since,
    value: life.value,
    unit,
    threshold,
    channel: channelOf(tags, address),
    about,
    runbook,
  };
}

/** The row that the store keeps of a transition. */
export function lineOf(transition: Transition): Line {
  const { region, org, site, device } = transition.address;
  const channel = spelled(channelOf(transition.tags, transition.address));
  return {
    measurement: "alert_event",
    tags: { region, org, site, ...transition.place, device, rule: transition.rule },
    fields: {
      alert_state: stateCodes[transition.to],
      ...(transition.value === undefined ? {} : { value_ratio: transition.value }),
      severity: transition.severity,
      ...(channel === "" ? {} : { channel }),
      q: 0,
    },
    time: transition.time,
  };
}

/** As the register's `alert_state` numbers them. */
const stateCodes = { inactive: 0, pending: 1, firing: 2, resolved: 3, unknown: 4 } as const;

/** The tags that the address does not say already. */
export function channelOf(tags: Tags, address: DeviceAddress): Tags {
  const said: Readonly<Record<string, string>> = { ...address };
  return Object.fromEntries(Object.entries(tags).filter(([name, value]) => said[name] !== value));
}

/** A channel as the rows of `alert_event` name it: `sensor=inlet,level=top`. */
export function spelled(channel: Tags): string {
  return Object.entries(channel)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
}
