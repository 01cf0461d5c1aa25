/** What clients and organisations may take of the hub. */
import type { Schema } from "../config/index.ts";
import { option, size, v, whole } from "../config/index.ts";
import type { RateOptions } from "./rate.ts";

/** What an organisation, `region/org`, may take of the hub. */
export interface Tenant {
  readonly rate: RateOptions;
  readonly connections?: number | undefined;
  /** Sessions that are kept for its clients. */
  readonly sessions?: number | undefined;
  /** Its topics that hold a retained message. */
  readonly retained?: number | undefined;
  /** Rows of one device, measurement and channel that its agents may have. */
  readonly series?: number | undefined;
}

export interface BrokerLimits {
  /** Largest packet of a connected client. @unit bytes */
  readonly packet: number;
  /** Connections open at once, over all listeners. */
  readonly connections: number;
  /** What may wait for one client before it is cut. @unit bytes */
  readonly egress: number;
  /** QoS 2 publishes of one client whose handshake is open. */
  readonly inflight: number;
  /** Subscriptions of one client. */
  readonly subscriptions: number;
  /** Topics that hold a retained message. */
  readonly retained: number;
  /** Topics of one user that do. */
  readonly retainedByUser?: number | undefined;
  /** Series that one agent may have. */
  readonly seriesByAgent?: number | undefined;
  /** What one client may publish. */
  readonly rate: RateOptions;
}

const rate: Schema<RateOptions> = v.strictObject({
  messages: v.optional(
    option(v.pipe(v.number(), v.minValue(0.01)), {
      about: "Publishes per second in the long run; more waits, none is lost.",
      example: 500,
    }),
  ),
  bytes: v.optional(
    option(size, { about: "Their topics and payloads, per second.", example: "1MiB" }),
  ),
});

export const tenant: Schema<Tenant> = v.strictObject({
  rate: v.optional(option(rate, { about: "What all its clients together may publish." }), {}),
  connections: v.optional(
    option(whole(1, 100_000), { about: "Its clients that may be connected.", example: 200 }),
  ),
  sessions: v.optional(
    option(whole(0, 100_000), {
      about: "Sessions kept for its clients (CleanSession 0); further ones begin anew each time.",
      example: 50,
    }),
  ),
  retained: v.optional(
    option(whole(0, 10_000_000), {
      about: "Its topics with a retained message; further ones are delivered but not kept.",
      example: 5000,
    }),
  ),
  series: v.optional(
    option(whole(1, 10_000_000), {
      about: "Rows of one device, measurement and channel; points of further ones are set aside.",
      example: 20_000,
    }),
  ),
});

export const limits: Schema<BrokerLimits> = v.strictObject({
  rate: v.optional(option(rate, { about: "What one client may publish." }), {}),
  packet: v.optional(
    option(size, { about: "Largest packet of a connected client.", example: "256KiB" }),
    "256KiB",
  ),
  connections: v.optional(
    option(whole(1, 100_000), { about: "Connections open at once.", example: 10_000 }),
    10_000,
  ),
  egress: v.optional(
    option(size, {
      about: "What may wait for one client; QoS 0 is dropped from half of it, all is cut at it.",
      example: "4MiB",
    }),
    "4MiB",
  ),
  inflight: v.optional(
    option(whole(1, 10_000), { about: "Open QoS 2 publishes of one client.", example: 100 }),
    100,
  ),
  subscriptions: v.optional(
    option(whole(1, 10_000), { about: "Subscriptions of one client.", example: 100 }),
    100,
  ),
  retained: v.optional(
    option(whole(1, 10_000_000), {
      about: "Topics with a retained message; further ones are delivered but not kept.",
      example: 200_000,
    }),
    200_000,
  ),
  retainedByUser: v.optional(
    option(whole(1, 10_000_000), {
      about: "Topics of one user with a retained message, since the hub started.",
      example: 2000,
    }),
  ),
  seriesByAgent: v.optional(
    option(whole(1, 10_000_000), {
      about: "Series of one agent (device, measurement, channel), since the hub started.",
      example: 5000,
    }),
  ),
});
