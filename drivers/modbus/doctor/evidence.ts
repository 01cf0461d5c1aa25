/**
 * What was seen and heard on a line, as it was: raw bytes with times, bounded by the number of
 * trials. Everything that is said of a line is worked out from this record alone.
 */
import type { Code } from "../../../telemetry/index.ts";
import type { SerialBus } from "../../transport/options.ts";

export type LineSettings = Pick<SerialBus, "baud" | "parity" | "dataBits" | "stopBits">;

/** What carries the frames. */
export type Wire = "serial" | "rtu+tcp" | "tcp";

/** Bytes as they were handed over, and when. */
export interface Chunk {
  /** Since the trial (or the listening) began. @unit ms */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** One request and all that came until it was given up watching. */
export interface Trial {
  readonly unit: number;
  readonly pdu: Uint8Array;
  /** The request as it was sent. */
  readonly frame: Uint8Array;
  /** Asked for many registers. */
  readonly long: boolean;
  /** Sent right behind the reply before it; else after a good while of silence. */
  readonly quick: boolean;
  /** When it was sent. @unit ms, monotonic */
  readonly at: number;
  readonly chunks: readonly Chunk[];
  /** What ended the connection meanwhile. */
  readonly failure: Code | undefined;
  /** Which connection it went over, counted from 0. */
  readonly connection: number;
}

export interface Listening {
  /** @unit ms */
  readonly duration: number;
  readonly chunks: readonly Chunk[];
}

/** Trials with other settings than those given. */
export interface OtherSettings {
  readonly settings: LineSettings;
  readonly trials: readonly Trial[];
}

export interface Evidence {
  readonly wire: Wire;
  /** Undefined for a network. */
  readonly settings: LineSettings | undefined;
  /** Time of one character; 0 for a network. @unit ms */
  readonly character: number;
  /** How long a device may take to answer. @unit ms */
  readonly timeout: number;
  /** What kept the line from opening. */
  readonly failure: { readonly code: Code; readonly message: string } | undefined;
  /** What the operating system says of a USB adapter. @unit ms */
  readonly latencyTimer: number | undefined;
  readonly listening: Listening;
  readonly trials: readonly Trial[];
  readonly others: readonly OtherSettings[];
}
