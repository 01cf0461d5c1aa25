/** Points in the making: fields that belong to one part of the server, with their raw side. */
import type { Point } from "../../telemetry/index.ts";
import { withRangeQuality } from "../../telemetry/index.ts";
import type { Trace } from "../contract.ts";

export interface Value {
  readonly value: number;
  /** Where it comes from: `sensor CPU1 Temp`. */
  readonly at: string;
  readonly raw: string;
}

/** Which row a field belongs to. */
export interface Part {
  readonly measurement: string;
  /** The channel tag and its value, where the measurement has one. */
  readonly channel?: readonly [tag: string, name: string] | undefined;
}

export const server: Part = { measurement: "server" };

interface Row extends Part {
  readonly values: Map<string, Value>;
}

export class Rows {
  readonly #rows = new Map<string, Row>();

  /** Adds a field; false: the part has it already, and keeps it. */
  add(part: Part, field: string, value: Value): boolean {
    const key = `${part.measurement} ${part.channel?.[1] ?? ""}`;
    const row = this.#rows.get(key) ?? { ...part, values: new Map() };
    this.#rows.set(key, row);
    if (row.values.has(field)) return false;
    row.values.set(field, value);
    return true;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** A part's field as it stands. */
  value(part: Part, field: string): number | undefined {
    const key = `${part.measurement} ${part.channel?.[1] ?? ""}`;
    return this.#rows.get(key)?.values.get(field)?.value;
  }

  /** Takes a field's place. */
  replace(part: Part, field: string, value: Value): void {
    const key = `${part.measurement} ${part.channel?.[1] ?? ""}`;
    this.#rows.get(key)?.values.set(field, value);
  }

  /** The points; `trace` is told of each value. */
  points(trace: (trace: Trace) => void): Point[] {
    return [...this.#rows.values()].map(({ measurement, channel, values }) => {
      const fields: Record<string, number> = {};
      for (const [field, { value, at, raw }] of values) {
        fields[field] = value;
        trace({ measurement, channel: channel?.[1] ?? "", field, at, raw });
      }
      const judged = withRangeQuality(measurement, fields);
      if (channel === undefined) return { measurement, fields: judged };
      return { measurement, tags: { [channel[0]]: channel[1] }, fields: judged };
    });
  }
}
