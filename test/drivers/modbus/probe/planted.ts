/** Devices with something planted among noise, for tests of the probe. */
import type { QuantityName } from "../../../../drivers/modbus/probe/index.ts";
import type { RegisterTable, Snapshot } from "../../../../drivers/modbus/probe/index.ts";
import type { Order, ValueType } from "../../../../drivers/modbus/values.ts";
import { encodeRaw } from "../../../../drivers/modbus/values.ts";

export interface Plant {
  readonly table: RegisterTable;
  readonly at: number;
  readonly type: Exclude<ValueType, "string">;
  readonly order: Order;
  readonly scale: number;
  readonly value: number;
}

export class Registers {
  readonly holding = new Map<number, number>();
  readonly input = new Map<number, number>();

  /** Writes a value in a form; returns what the form makes of it. */
  plant({ table, at, type, order, scale, value }: Plant): number {
    const float = type.startsWith("float");
    const raw = float ? Math.fround(value / scale) : Math.round(value / scale);
    const words = encodeRaw(raw, type, { order, length: 0 });
    for (const [index, word] of words.entries()) this[table].set(at + index, word);
    return raw * scale;
  }

  /** What devices are full of: nothing, settings, and what nobody knows. */
  noise(table: RegisterTable, addresses: readonly number[], random: () => number): void {
    for (const at of addresses) {
      const kind = random();
      const word = kind < 0.3 ? 0 : random() * (kind < 0.6 ? 100 : 65_536);
      this[table].set(at, Math.floor(word));
    }
  }

  snapshot(time = 0): Snapshot {
    return { time, words: { holding: new Map(this.holding), input: new Map(this.input) } };
  }
}

/** A value of a quantity as it occurs, as a display shows it. */
export function typicalValue(quantity: QuantityName, random: () => number): number {
  const usual: Partial<Record<QuantityName, readonly [number, number]>> = {
    voltage: [215, 245],
    current: [0.8, 60],
    power: [150, 15_000],
    frequency: [49.9, 50.1],
    energy: [2e5, 5e8],
  };
  const [low, high] = usual[quantity] ?? [10, 90];
  return low + random() * (high - low);
}
