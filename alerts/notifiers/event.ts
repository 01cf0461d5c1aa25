/** Events of notifiers: what is told of a transition, and which alert it is of. */
import type { DeviceAddress, Platform, Tags } from "../../telemetry/index.ts";
import { topicOf } from "../../telemetry/index.ts";
import type { ActiveAlert } from "../engine.ts";
import type { Transition } from "../transition.ts";
import { channelOf } from "../transition.ts";
import type { AlertEvent } from "./contract.ts";

type Source = Pick<Platform, "clock" | "entropy">;

/** Which alert: rule, device and channel, in a fixed order. */
export function keyOf(rule: string, address: DeviceAddress, channel: Tags): string {
  const tags = Object.entries(channel).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([rule, topicOf(address, "alert"), tags]);
}

/** Undefined for what nobody is told of: pending alerts, and those that are unknown for a while. */
export function eventOf(transition: Transition, source: Source): AlertEvent | undefined {
  const { rule, about, severity, runbook, unit, threshold, value } = transition;
  const { address, place, tags, to } = transition;
  if (to !== "firing" && to !== "resolved") return undefined;
  const channel = channelOf(tags, address);
  const key = keyOf(rule, address, channel);
  const face = { rule, about, severity, runbook, unit, threshold, address, place, channel };
  const times = { since: transition.time, time: transition.time };
  return { ...stamp(source), key, state: to, ...face, value, ...times };
}

/** The event of an alert that is firing and was not told. */
export function eventOfActive(alert: ActiveAlert, source: Source): AlertEvent {
  const { rule, about, severity, runbook, unit, threshold, address, channel } = alert;
  const { value, since } = alert;
  const key = keyOf(rule, address, channel);
  const face = { rule, about, severity, runbook, unit, threshold, address, place: {}, channel };
  return { ...stamp(source), key, state: "firing", ...face, value, since, time: since };
}

/** The end of an alert that nobody stands behind any more. */
export function endOf(event: AlertEvent, source: Source): AlertEvent {
  return { ...event, ...stamp(source), state: "resolved", time: source.clock.now() };
}

function stamp({ clock, entropy }: Source): Pick<AlertEvent, "id" | "queued"> {
  return { id: entropy.id(), queued: clock.now() };
}
