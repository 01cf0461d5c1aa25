/**
 * Lines with one thing wrong each, drawn from a seed. What a fault does follows from how lines and
 * devices work (`uart.ts`, `bus.ts`, `nodes.ts`); how strong it is stays within what occurs.
 */
import type { LineSettings } from "../../../../drivers/modbus/doctor/index.ts";
import type { ByteChannel } from "../../../../drivers/transport/channel.ts";
import { SeededEntropy, VirtualClock } from "../../../virtual.ts";
import type { BusOptions, Ringing } from "./bus.ts";
import { Bus, swing } from "./bus.ts";
import type { AdapterOptions, DeviceOptions } from "./nodes.ts";
import { adapterOf, addDevice, addMaster } from "./nodes.ts";
import { characterTimeOf } from "./uart.ts";

export const serialFaults = [
  "healthy",
  "swapped",
  "bias",
  "termination",
  "noise",
  "duplicate",
  "baud",
  "parity",
  "latency",
  "echo",
  "master",
  "slow",
  "dead",
  "stranger",
  "turnaround",
  "hasty",
] as const;
export type SerialFault = (typeof serialFaults)[number];

/** A line to examine. */
export interface Line {
  readonly clock: VirtualClock;
  /** What a person believes the line to be. */
  readonly settings: LineSettings;
  readonly units: readonly number[];
  /** @unit ms */
  readonly timeout: number;
  readonly open: (settings: LineSettings) => ByteChannel;
}

export class Dice {
  readonly random: () => number;

  constructor(seed: number) {
    const entropy = new SeededEntropy(seed * 7919 + 13);
    this.random = () => entropy.random();
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  whole(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }

  pick<Item>(first: Item, ...others: readonly Item[]): Item {
    return [first, ...others][this.whole(0, others.length)] ?? first;
  }
}

/** What differs from a line in order. */
interface Changes {
  readonly settings?: LineSettings;
  readonly believed?: LineSettings;
  readonly bus?: Partial<BusOptions>;
  readonly adapter?: AdapterOptions;
  readonly device?: (index: number, usual: DeviceOptions) => readonly DeviceOptions[];
  readonly timeout?: number;
  readonly after?: (bus: Bus) => void;
}

/** A line with this fault, and two or three units or as many as are asked for. */
export function lineWith(fault: SerialFault, seed: number, count?: number): Line {
  const dice = new Dice(seed);
  const clock = new VirtualClock();
  const baud = dice.pick(9600, 19_200, 38_400, 9600);
  const parity = dice.pick("none", "even", "none");
  const usual: LineSettings = { baud, parity, dataBits: 8, stopBits: 1 };
  const changes = changesOf(fault, dice, usual);
  const settings = changes.settings ?? usual;
  const bus = new Bus({ clock, random: dice.random, rest: 1, ...changes.bus });
  const drawn = [dice.whole(1, 5), dice.whole(6, 20), dice.whole(21, 60)];
  const many = dice.whole(2, 3);
  const units = drawn.slice(0, count ?? many);
  for (const [index, unit] of units.entries()) {
    const device = deviceOf(dice, `device ${index}`, { unit, settings });
    const devices = changes.device?.(index, device) ?? [device];
    for (const one of devices) addDevice(bus, one);
  }
  changes.after?.(bus);
  const usualGrid = dice.pick(1, 1, 0.5);
  const adapter = { grid: usualGrid, ...changes.adapter };
  return {
    clock,
    settings: changes.believed ?? settings,
    units,
    timeout: changes.timeout ?? dice.pick(500, 1000),
    open: (given) => adapterOf(bus, given, adapter),
  };
}

function deviceOf(
  dice: Dice,
  name: string,
  { unit, settings }: { readonly unit: number; readonly settings: LineSettings },
): DeviceOptions {
  const usual = dice.between(4, 40);
  const jitter = dice.between(0.2, 4);
  return {
    name,
    unit,
    settings,
    latency: () => usual + dice.random() * jitter,
    words: Array.from({ length: 60 }, () => Math.floor(dice.random() * dice.pick(65_536, 3000))),
    spacing: dice.pick(0, 0, 0.3) * characterTimeOf(settings),
    strength: dice.between(0.5, 1.5),
  };
}

type Change = (dice: Dice, usual: LineSettings) => Changes;

function changesOf(fault: SerialFault, dice: Dice, usual: LineSettings): Changes {
  return changes[fault](dice, usual);
}

const changes: Readonly<Record<SerialFault, Change>> = {
  healthy: () => ({}),
  swapped: () => ({ adapter: { inverted: true } }),
  bias: (dice) => ({ bus: { rest: undefined, floating: dice.between(3, 40) } }),
  termination: (dice, usual) => {
    const settings = { ...usual, baud: dice.pick(38_400, 57_600, 115_200) };
    const bit = 1000 / settings.baud;
    // Echoes of a long cable last for bits; the far unit works at the edge of what still works.
    const jitter = 0.05;
    const margin = jitter * dice.between(1.1, 1.8);
    let shape = { period: 0, decay: 0 };
    let amplitude = Infinity;
    while (amplitude > 1) {
      shape = { period: bit * dice.between(0.4, 2.5), decay: bit * dice.between(0.8, 2) };
      amplitude = (0.5 - margin) / worstSwing(shape, bit);
    }
    const near = dice.between(0.2, 0.6);
    return {
      settings,
      bus: {
        ringing: (speaker, listener) => {
          const isFar = [speaker, listener].includes("device 0");
          return { ...shape, amplitude: amplitude * (isFar ? 1 : near), jitter };
        },
      },
    };
  },
  noise: (dice, usual) => {
    const rate = dice.between(0.1, 0.6) / (45 * characterTimeOf(usual));
    return {
      after: (bus) => {
        const strike = (): void => {
          bus.disturb((1000 / usual.baud) * dice.between(0.4, 2.5), dice.pick(0, 1));
          bus.options.clock.after(-Math.log(1 - dice.random()) / rate, strike);
        };
        bus.options.clock.after(dice.between(0, 100), strike);
      },
    };
  },
  duplicate: (dice) => ({
    device: (index, device) => {
      if (index > 0) return [device];
      const twin = deviceOf(dice, "twin", device);
      return [device, twin];
    },
  }),
  baud: (dice, usual) => {
    const others = [2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200].filter(
      (baud) => baud !== usual.baud,
    );
    return { believed: { ...usual, baud: others[dice.whole(0, others.length - 1)] ?? 2400 } };
  },
  parity: (dice, usual) => {
    const others = (["none", "even", "odd"] as const).filter((parity) => parity !== usual.parity);
    return { believed: { ...usual, parity: others[dice.whole(0, 1)] ?? "odd" } };
  },
  latency: () => ({ adapter: { grid: 16 } }),
  echo: () => ({ adapter: { hearsItself: true } }),
  master: (dice, usual) => ({
    after: (bus) => {
      const unit = dice.whole(100, 120);
      const settings = usual;
      addDevice(bus, deviceOf(dice, "theirs", { unit, settings }));
      const period = dice.between(150, 900);
      addMaster(bus, { settings, unit, every: () => period * dice.between(0.9, 1.1) });
    },
  }),
  slow: (dice) => {
    const timeout = dice.pick(200, 500);
    return {
      timeout,
      device: (index, device) => {
        if (index > 0) return [device];
        return [{ ...device, latency: () => timeout * dice.between(1.1, 1.9) }];
      },
    };
  },
  dead: () => ({ device: (index, device) => (index > 0 ? [device] : []) }),
  stranger: (_dice, usual) => {
    const baud = usual.baud === 9600 ? 19_200 : 9600;
    return {
      device: (index, device) => [index > 0 ? device : { ...device, settings: { ...usual, baud } }],
    };
  },
  turnaround: (dice, usual) => {
    const character = characterTimeOf(usual);
    const quick = dice.between(3.6, 5) * character + (usual.baud > 19_200 ? 1 : 0);
    const silence = usual.baud > 19_200 ? 1.75 : 3.5 * character;
    return {
      // The devices look at a frame one character after the silence behind it.
      adapter: { hold: silence + character + quick + character * dice.between(0.6, 2.4) },
      device: (index, device) => [
        {
          ...device,
          latency: () => (index > 0 ? quick * 20 : quick * dice.between(0.98, 1.02)),
          spacing: dice.between(0.2, 0.5) * character,
        },
      ],
    };
  },
  hasty: (dice, usual) => {
    const silence = usual.baud > 19_200 ? 1.75 : 3.5 * characterTimeOf(usual);
    const rest = silence + 12 * characterTimeOf(usual) + dice.between(10, 70);
    return { device: (index, device) => [index > 0 ? device : { ...device, rest }] };
  },
};

/** The most that ringing takes off the level at the middle of a bit, over all histories of bits. */
function worstSwing(shape: Pick<Ringing, "decay" | "period">, bit: number): number {
  let worst = 0;
  for (let history = 0; history < 64; history += 1) {
    let taken = 0;
    for (let age = 0; age < 5; age += 1) {
      const [now, before] = [(history >> age) & 1, (history >> (age + 1)) & 1];
      taken += (now - before) * swing(shape, (age + 0.5) * bit);
    }
    worst = Math.max(worst, (history & 1) === 1 ? taken : -taken);
  }
  return worst;
}
