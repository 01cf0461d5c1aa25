/** Two hubs of one region over a real Redis, in this process, and what clients do there. */
import type { IClientOptions } from "mqtt";
import { connect } from "mqtt";
import { expect, vi } from "vitest";
import type { HubHooks } from "../../broker/contract.ts";
import type { LogFields } from "../../telemetry/index.ts";
import { realPlatform } from "../broker/platform.ts";
import type { Running } from "../broker/running.ts";
import { running } from "../broker/running.ts";
import type { Redisd } from "./redisd.ts";
import { startRedis } from "./redisd.ts";

export const patience = { timeout: 20_000, interval: 20 };

export const root = "rackstreet/v1/local/main/hall";
export const topic = `${root}/power/pdu-1/telemetry`;
export const users = {
  "edge-1": { password: "edge-secret", role: "agent" },
  city: { password: "city-secret", role: "reader" },
  other: { password: "other-secret", role: "reader" },
  root: { password: "root-secret", role: "admin" },
};
export const city: IClientOptions = { clientId: "app", username: "city", password: "city-secret" };
export const other: IClientOptions = { username: "other", password: "other-secret" };
export const admin: IClientOptions = { username: "root", password: "root-secret" };

export interface Pair extends AsyncDisposable {
  readonly redis: Redisd;
  readonly a: Running;
  readonly b: Running;
  /** Log lines of both. */
  readonly log: string[];
}

export async function pair(
  more: Record<string, unknown> = {},
  hooks: Partial<HubHooks> = {},
): Promise<Pair> {
  await using made = new AsyncDisposableStack();
  const redis = made.use(await startRedis(["--requirepass", "redis-secret"]));
  const log: string[] = [];
  const line = (event: string, fields?: LogFields): void => {
    log.push(`${event} ${JSON.stringify(fields ?? {})}`);
  };
  const platform = {
    ...realPlatform,
    log: { debug: line, info: line, warn: line, error: line },
  };
  const options = { users, redis: { url: redis.url, password: "redis-secret" }, ...more };
  const a = made.use(await running(options, hooks, platform));
  const b = made.use(await running(options, hooks, platform));
  const kept = made.move();
  return { redis, a, b, log, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Subscribes with a session, and leaves. */
export async function subscribeAndLeave(
  at: Running,
  options: IClientOptions = city,
): Promise<void> {
  const client = await at.connect({ ...options, clean: false });
  await client.subscribeAsync(`${root}/#`, { qos: 1 });
  await client.endAsync();
}

export async function say(at: Running, ...payloads: readonly string[]): Promise<void> {
  const client = await at.connect(admin);
  for (const payload of payloads) await client.publishAsync(topic, payload, { qos: 1 });
  await client.endAsync();
}

/** Comes back and hears what waited, in order. */
export async function comeBack(at: Running, wanted: readonly string[]): Promise<void> {
  const got: string[] = [];
  const client = connect(at.url, { ...city, clean: false, reconnectPeriod: 0 });
  client.on("message", (_topic, payload) => got.push(payload.toString()));
  await vi.waitFor(() => expect(got).toEqual(wanted), patience);
  await client.endAsync();
}

/** Whether a client is let in; the code of the refusal. */
export async function knock(at: Running, options: IClientOptions): Promise<number> {
  const client = connect(at.url, { reconnectPeriod: 0, ...options });
  client.on("error", () => undefined);
  const code = await new Promise<number>((resolve) => {
    client.on("packetreceive", (packet) => {
      if (packet.cmd === "connack") resolve(packet.returnCode ?? 0);
    });
  });
  await client.endAsync(true);
  return code;
}

/** What both hubs retain below `root`, payloads in one text each. */
export function retainedAtBoth({ a, b }: Pair): string[] {
  return [a, b].map(({ hub }) => {
    const found = [...(hub.retained?.(`${root}/#`) ?? [])];
    return found
      .map(({ payload }) => String(payload))
      .toSorted()
      .join(" ");
  });
}

/** Lines of the log that begin with an event. */
export function logged({ log }: Pair, event: string): readonly string[] {
  return log.filter((line) => line.startsWith(`${event} `));
}
