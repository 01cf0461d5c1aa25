/** What the broker counts: each thing refused, dropped or cut has a number and a reason. */
import type { FaultReason } from "./packets.ts";
import type { LoginRefusal } from "./identity.ts";

/** Why a connection was ended from this side. */
export type CutReason =
  | FaultReason
  | "connect_timeout"
  | "keepalive"
  | "egress"
  | "broker"
  /** It comes again for what it missed while Redis was away, or is another's meanwhile. */
  | "redis"
  | "revoked";

/** Why a connection was never let in. */
export type RejectReason =
  | LoginRefusal
  | "connections"
  | "client_id_taken"
  | "origin"
  | "proxy"
  | "tls"
  | "certificate"
  | "revoked"
  | "quota"
  /** It keeps a session, and Redis is away. */
  | "redis"
  /** Let in, without the session that it asked for. */
  | "session";

export type Tally<Reason extends string> = Readonly<Partial<Record<Reason, number>>>;

/** Since the start of the hub, except `connections`: open now. */
export interface HubCounters {
  readonly connections: number;
  /** Publishes accepted. */
  readonly received: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Publishes acknowledged and thrown away, and subscriptions refused, by access. */
  readonly denied: number;
  /** Publishes that waited because their client, or its organisation, publishes too much. */
  readonly delayed: number;
  /** QoS 0 deliveries dropped because a subscriber was slow. */
  readonly shed: number;
  /** Retained flags ignored because too many topics hold a message. */
  readonly unretained: number;
  readonly cut: Tally<CutReason>;
  readonly rejected: Tally<RejectReason>;
}

/** The writable side of `HubCounters`. */
export class Counters implements HubCounters {
  connections = 0;
  received = 0;
  receivedBytes = 0;
  sentBytes = 0;
  denied = 0;
  delayed = 0;
  shed = 0;
  unretained = 0;
  readonly cut: Partial<Record<CutReason, number>> = {};
  readonly rejected: Partial<Record<RejectReason, number>> = {};

  countCut(reason: CutReason): void {
    this.cut[reason] = (this.cut[reason] ?? 0) + 1;
  }

  countRejected(reason: RejectReason): void {
    this.rejected[reason] = (this.rejected[reason] ?? 0) + 1;
  }
}
