/**
 * Points, faults and batches: the shapes that flow from a device to the store
 * (design.md sections 3 to 5).
 */
import type { Code } from "./codes.ts";

export type FieldValue = number | string;
export type Tags = Readonly<Record<string, string>>;
export type Fields = Readonly<Record<string, FieldValue>>;

/** Quality of a row, field `q`: rules ignore 2 and above unless they ask. */
export const quality = {
  good: 0,
  substituted: 1,
  uncertain: 2,
  stale: 3,
  noCommunication: 4,
} as const;

/** One line for the store before place and time are added: measurement + channel tag + fields. */
export interface Point {
  readonly measurement: string;
  readonly tags?: Tags;
  readonly fields: Fields;
}

/** Something that could not be read in an otherwise useful poll. */
export interface Fault {
  readonly code: Code;
  /** Where: `holding 0x0010`, `sensor temp1` … */
  readonly at: string;
}

/** What one poll of one device gave. */
export interface Reading {
  readonly points: readonly Point[];
  readonly faults: readonly Fault[];
}

/** Which place: whose hub, which unit owns it, where. */
export interface Site {
  readonly region: string;
  readonly org: string;
  readonly site: string;
}

/** Who a device is on the wire; the levels of its topics. */
export interface DeviceAddress extends Site {
  readonly class: string;
  readonly device: string;
}

/** Place tags that only the agent knows; the rest of the place is in the topic. */
export interface Place {
  readonly zone?: string;
  readonly rack?: string;
}

/** Where something stands on Earth (WGS 84). @unit degrees, north and east positive */
export interface Location {
  readonly latitude: number;
  readonly longitude: number;
}

export type BatchKind = "telemetry" | "event";

/** All points of one poll of one device, before the spool gives it a sequence number. */
export interface UnnumberedBatch extends Reading {
  readonly kind: BatchKind;
  readonly address: DeviceAddress;
  readonly place: Place;
  /** When the device answered, at the agent. @unit ms since 1970-01-01 UTC */
  readonly time: number;
}

/** A batch in its stream. */
export interface Batch extends UnnumberedBatch {
  readonly stream: string;
  /** Position in the stream, from 1. */
  readonly seq: number;
}

/** One row for a store: everything a line of line protocol holds. */
export interface Line {
  readonly measurement: string;
  readonly tags: Tags;
  readonly fields: Fields;
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
}

/** The lines of a batch, one timestamp for all. */
export function linesOf(batch: UnnumberedBatch | Batch): Line[] {
  return batch.points.map((point, index) => ({
    measurement: point.measurement,
    tags: lineTags(batch, point),
    fields: lineFields(batch, point, index),
    time: batch.time,
  }));
}

/**
 * The fields of a point's line. The first line of a numbered batch carries the number, so that an
 * audit can tell what the store lacks.
 */
export function lineFields(
  batch: UnnumberedBatch | Batch,
  { fields }: Point,
  index: number,
): Fields {
  if (index > 0 || !("stream" in batch)) return fields;
  return { ...fields, seq: batch.seq, stream: streamNumber(batch.stream) };
}

/** What `lineFields` adds: whole numbers, no reading, and in no point. */
export const numberingFields: ReadonlySet<string> = new Set(["seq", "stream"]);

/** Tells the streams of one store apart in few bytes: the last 32 bits of the stream's id. */
export function streamNumber(stream: string): number {
  return Number.parseInt(stream.slice(stream.lastIndexOf(".") + 1).slice(-8), 16);
}

/** The tags of a point's line: point tags over place over topic. */
export function lineTags({ address, place }: UnnumberedBatch, { tags }: Point): Tags {
  const { region, org, site, device } = address;
  return { region, org, site, ...place, device, ...tags };
}
