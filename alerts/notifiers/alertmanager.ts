/**
 * Tells Prometheus' Alertmanager (API v2, `POST /api/v2/alerts`): who is told, grouping and
 * silences are its job. It forgets an alert at its `endsAt`, so what fires is told again each
 * `resend`, with an end four times that ahead, as Prometheus does; an end is told with its time.
 */
import { httpUrl, interval, option, v } from "../../config/index.ts";
import type { AlertEvent, Message, Notifier, NotifierPlatform } from "./contract.ts";
import { loginHeaders, post } from "./http.ts";
import { commonOptions, loginOptions } from "./options.ts";

export const alertmanagerOptions = v.strictObject({
  kind: option(v.literal("alertmanager"), { about: "Tells Prometheus' Alertmanager (API v2)." }),
  ...commonOptions,
  url: option(httpUrl, { about: "Where it listens.", example: "http://127.0.0.1:9093" }),
  resend: v.optional(
    option(interval, { about: "How often what fires is told again.", example: "1m" }),
    "1m",
  ),
  ...loginOptions,
});
type Options = v.InferOutput<typeof alertmanagerOptions>;

/** An alert that is not told again ends after so many times `resend`. */
const patience = 4;

const atOnce = 500;

export function alertmanager(options: Options, { clock }: NotifierPlatform): Notifier {
  const url = new URL(`${options.url.replace(/\/+$/, "")}/api/v2/alerts`);
  const give = async (alerts: readonly unknown[], signal: AbortSignal): Promise<void> => {
    const body = JSON.stringify(alerts);
    await post({ url, headers: loginHeaders(options), body, ca: options.ca }, signal);
  };
  const alertsOf = (events: readonly AlertEvent[]): unknown[] => {
    const now = clock.now();
    return events.map((event) => alertOf(event, now, now + patience * options.resend));
  };
  return {
    atOnce,
    send: ({ kind, events, time }: Message, signal) =>
      give(kind === "test" ? [testAlert(time)] : alertsOf(events), signal),
    standing: { every: options.resend, tell: (events, signal) => give(alertsOf(events), signal) },
  };
}

function alertOf(event: AlertEvent, now: number, until: number): unknown {
  const { rule, severity, about, runbook, address, place, channel } = event;
  const { value, unit, threshold } = event;
  // A device's clock may be ahead; Alertmanager refuses what ends before it starts.
  const start = Math.min(event.since, now);
  const end = event.state === "firing" ? until : Math.max(start, Math.min(event.time, now));
  return {
    labels: { ...channel, ...place, ...address, alertname: rule, severity },
    annotations: {
      summary: about,
      ...(runbook === undefined ? {} : { runbook }),
      ...(value === undefined ? {} : { value: `${value} ${unit}`.trim() }),
      threshold: `${threshold} ${unit}`.trim(),
    },
    startsAt: new Date(start).toISOString(),
    endsAt: new Date(end).toISOString(),
  };
}

/** Fires for a minute and ends by itself. */
function testAlert(time: number): unknown {
  return {
    labels: { alertname: "rackstreet-test", severity: "info" },
    annotations: { summary: "A test: `rackstreet alerts test` was run. Nothing is wrong." },
    startsAt: new Date(time).toISOString(),
    endsAt: new Date(time + 60_000).toISOString(),
  };
}
