/** What federation is given from outside the room, and what the hub's service asks of it. */
import type { UnnumberedBatch } from "../../telemetry/index.ts";

/** A durable queue to a peer and the link that empties it; `agent/forward-link.ts` has one. */
export interface PeerLink extends AsyncDisposable {
  /** Whether the link to the peer's broker stands. */
  readonly isUp: boolean;
  readonly ledger: PeerLedger;
  /** Sends a batch once it is durable; resolves then, or when it was shed and counted. */
  offer(batch: UnnumberedBatch, manner: Manner): Promise<void>;
  /** Publishes a current value now and after each reconnect; an empty one clears it there. */
  retain(topic: string, payload: string): void;
  /** Clears what the peer's broker retains. @throws E_UPLINK */
  clear(topic: string): Promise<void>;
  /** Gives up all that waits and may not be sent any more. */
  purge(): Promise<void>;
}

/** Counts of a stream since it was born: offered = stored + queued + shed. */
export interface PeerLedger {
  readonly offered: number;
  readonly stored: number;
  readonly queued: number;
  readonly shed: Readonly<Record<"full" | "disk" | "damaged" | "large", number>> & {
    readonly revoked?: number | undefined;
  };
}

/** How a batch goes. */
export interface Manner {
  /** It is of the past: what is newer goes first, and it becomes nobody's current value. */
  readonly late: boolean;
  /** Of two batches with the same text here the newer stands for the older, fields added. */
  readonly stands?: string | undefined;
}

/** What a link asks of the bridge that it is for. */
export interface PeerLinkSetup {
  /** The peer's name in the configuration. */
  readonly peer: string;
  /** Whose stream it is. */
  readonly name: string;
  readonly clientId: string;
  readonly subscribe: readonly string[];
  readonly permits: (topic: string) => boolean;
  readonly beforeRetained: (topic: string) => Promise<void>;
  readonly up: () => void;
  readonly denied: (payload: Uint8Array) => void;
}

/** A batch that rests in the store and may be some peer's. */
export interface Forwarded extends Manner {
  readonly batch: UnnumberedBatch;
}

/** What ingest asks of federation. */
export interface Forward {
  /** Whether any peer is granted what a topic carries; asked before the batch is stored. */
  wants(topic: string): boolean;
  /** Takes what was stored; resolves when it rests with each peer's queue. */
  take(batches: readonly Forwarded[]): Promise<void>;
}
