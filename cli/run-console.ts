/** Serves what the agent and the hub of this process know of themselves. */
import type { Agent } from "../agent/index.ts";
import type { AskRefusal, HubService } from "../broker/index.ts";
import { AskProblem } from "../broker/index.ts";
import type { Api, Count, Console, Labelled, Labels } from "../console/index.ts";
import { exposition, openConsole } from "../console/index.ts";
import type { Log, Platform } from "../telemetry/index.ts";
import { messageOf } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import { siteOf } from "./run-agent.ts";
import type { RunningHub } from "./run-hub.ts";

export interface ConsoleParts {
  readonly agent?: Agent | undefined;
  readonly hub?: RunningHub | undefined;
}

/** Devices told one by one at most: more would be a page that nobody can scrape. */
const mostDevices = 20_000;

/**
 * Serves while it is not disposed; nothing where the configuration names no address.
 * @throws E_ADDRESS_IN_USE, E_ADDRESS_REFUSED, E_SECRET_MISSING
 */
export async function runConsole(
  loaded: LoadedConfig,
  { agent, hub }: ConsoleParts,
  platform: Platform,
): Promise<Console | undefined> {
  const place: Labels = { ...siteOf(loaded) };
  const { agent: agentOptions, hub: hubOptions } = loaded.config;
  const points = (): Labelled[] => [
    ...(agent === undefined ? [] : [{ labels: own(agentOptions.id), point: agent.health }]),
    ...(hub === undefined ? [] : [hub.service.health, ...hub.service.peers]).map((point) => ({
      labels: own(hubOptions.id),
      point,
    })),
  ];
  const own = (device: string): Labels => ({ ...place, device });
  const served = await openConsole(loaded.config.console, {
    metrics: () => exposition(points(), [...devicesOf(agent, place), ...hubCounts(hub, place)]),
    failing: () => [
      ...(agent === undefined || agent.isUp ? [] : ["uplink"]),
      ...(hub === undefined || hub.service.counts.storeUp ? [] : ["store"]),
      ...(hub?.service.redisUp === false ? ["redis"] : []),
    ],
    api: hub && apiOf(hub.service, platform.log),
  });
  if (served !== undefined) platform.log.info("console started", { listen: served.address });
  return served;
}

/** HTTP status by what the hub says. */
const statuses: Readonly<Record<AskRefusal, number>> = {
  login: 401,
  access: 403,
  form: 400,
  arguments: 400,
  unknown: 404,
  rate: 429,
  busy: 503,
  cancelled: 503,
  problem: 503,
  slow: 503,
  late: 504,
  failed: 500,
};

function apiOf(service: HubService, log: Log): Api {
  return {
    ask: ({ request, args, gone, ...attempt }) => service.ask({ do: request, args }, attempt, gone),
    explain(error) {
      if (!(error instanceof AskProblem)) {
        log.error("request failed", { problem: messageOf(error) });
        return { status: 500, problem: "the hub failed", remedy: "its log says why" };
      }
      const { why, problem, remedy } = error.told;
      return { status: statuses[why], problem, remedy };
    },
  };
}

function devicesOf(agent: Agent | undefined, place: Labels): Count[] {
  return (agent?.devices ?? []).slice(0, mostDevices).flatMap(({ address, state, time }) => {
    const labels = { ...place, device: address.device, class: address.class };
    const online = {
      name: "device_online_state",
      about: "Whether the device answers: 1 yes, 0 no.",
      labels,
      value: state === "online" ? 1 : 0,
    };
    if (time === undefined) return [online];
    const about = "When the device answered last, in seconds since 1970-01-01 UTC.";
    return [online, { name: "device_answered_seconds", about, labels, value: time / 1000 }];
  });
}

function hubCounts(hub: RunningHub | undefined, place: Labels): Count[] {
  if (hub === undefined) return [];
  const { cut = {}, rejected = {} } = hub.service.refusals ?? {};
  const { answered, refused } = hub.service.asks;
  const { firing, pending, unknown } = hub.alerts.firing();
  const byReason = (name: string, about: string, tally: Readonly<Record<string, number>>) =>
    Object.entries(tally).map(([reason, value]) => ({
      name,
      about,
      labels: { ...place, reason },
      value,
    }));
  const alerts = Object.entries({ firing, pending, unknown }).map(([state, value]) => ({
    name: "alerts_count",
    about: "Alerts, by their state.",
    labels: { ...place, state },
    value,
  }));
  return [
    ...byReason("broker_cut_total", "Connections ended by the broker, by reason.", cut),
    ...byReason("broker_rejected_total", "Connections never let in, by reason.", rejected),
    ...byReason("asks_total", "Requests of clients, by what became of them.", {
      answered,
      ...refused,
    }),
    ...alerts,
    ...notifierCounts(hub, place),
  ];
}

function notifierCounts({ notifiers }: RunningHub, place: Labels): Count[] {
  return Object.entries(notifiers.counts).flatMap(([notifier, counts]) => {
    const labels = { ...place, notifier };
    const { waiting, open, ...ended } = counts;
    const now = {
      name: "notifier_waiting_count",
      about: "Events that wait.",
      labels,
      value: waiting,
    };
    const told = {
      name: "notifier_open_count",
      about: "Alerts told to fire.",
      labels,
      value: open,
    };
    const outcomes = Object.entries(ended).map(([outcome, value]) => ({
      name: "notifier_outcomes_total",
      about: "Messages sent, attempts failed, and events refused, expired or shed.",
      labels: { ...labels, outcome },
      value,
    }));
    return [now, told, ...outcomes];
  });
}
