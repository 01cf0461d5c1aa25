/**
 * Reads the cards of a site: power, limit and use as means, counters and states as the last of each
 * window. Limits: `maxCards`; those beyond are not read.
 */
import type { Topology } from "../../config/index.ts";
import type { CardSamples } from "./accelerators.ts";
import { placeOf } from "./place.ts";
import type { Asking, FoundSeries } from "./read-fields.ts";
import { readFields, seriesWith } from "./read-fields.ts";
import type { Samples } from "./samples.ts";
import { combined, windowsIn } from "./samples.ts";

const maxCards = 10_000;

const measurement = "accelerator";
const means = ["power_w", "power_limit_w", "util_pct"] as const;
const states = [
  "throttle_power_ms_total",
  "throttle_thermal_ms_total",
  "throttle_other_ms_total",
  "throttle_code",
  "health_state",
] as const;

/** Bits of `throttle_code`: power cap; hardware, thermal and other. */
const [capBit, heldBits] = [2, 4 | 8 | 16];
/** `health_state` of a card that is no longer listed. */
const absent = 3;

/** @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY */
export async function readCards(
  topology: Topology,
  asking: Asking,
): Promise<readonly CardSamples[]> {
  const found = await seriesWith(measurement, ["power_w", "util_pct", "health_state"], asking);
  const down = new Map<string, Samples>();
  const cards: CardSamples[] = [];
  for (const one of found.slice(0, maxCards)) {
    const { device } = one;
    const gone = down.get(device) ?? (await readDown(device, asking));
    down.set(device, gone);
    cards.push(await readCard(topology, one, { asking, gone }));
  }
  return cards;
}

async function readCard(
  topology: Topology,
  series: FoundSeries,
  { asking, gone }: { readonly asking: Asking; readonly gone: Samples },
): Promise<CardSamples> {
  const { device, channel } = series;
  const { frame } = asking.reading;
  const asked = { device, measurement, channel };
  const mean = await readFields({ ...asked, fields: means }, asking);
  const last = await readFields({ ...asked, fields: states, aggregate: "last" }, asking);
  const none = new Float64Array(windowsIn(frame)).fill(Number.NaN);
  const of = (field: string): Samples => mean.get(field) ?? last.get(field) ?? none;
  const code = of("throttle_code");
  const rise = (field: string): Samples => risesOf(of(field), frame.every);
  const hot = sumKnown(rise("throttle_thermal_ms_total"), rise("throttle_other_ms_total"));
  return {
    device,
    card: channel,
    place: placeOf(topology, series),
    power: of("power_w"),
    limit: of("power_limit_w"),
    util: of("util_pct"),
    throttled: firstKnown(hot, bitsOf(code, heldBits)),
    capped: firstKnown(rise("throttle_power_ms_total"), bitsOf(code, capBit)),
    gone: combined(gone, of("health_state"), (machine, health) =>
      machine === 1 || health === absent ? 1 : 0,
    ),
    saysWhy: states.slice(0, 4).some((field) => last.has(field)),
  };
}

/** Where the agent said that the machine no longer answers: 1, until it answers again. */
async function readDown(device: string, asking: Asking): Promise<Samples> {
  const asked = { device, measurement: "device_event", channel: "", aggregate: "last" } as const;
  const read = await readFields({ ...asked, fields: ["link_state"] }, asking);
  const links = read.get("link_state") ?? new Float64Array(windowsIn(asking.reading.frame)).fill(1);
  let isDown = 0;
  return links.map((link) => {
    if (!Number.isNaN(link)) isDown = link === 0 ? 1 : 0;
    return isDown;
  });
}

/** How far a counter of ms rose since the window before, as a share of a window. */
function risesOf(counts: Samples, every: number): Samples {
  return counts.map((count, at) => {
    const rise = count - (counts[at - 1] ?? Number.NaN);
    return rise >= 0 ? Math.min(1, rise / every) : Number.NaN;
  });
}

/** 1 where one of the bits is set, of the code that stands for a window. */
function bitsOf(codes: Samples, bits: number): Samples {
  return codes.map((code) => (Number.isNaN(code) ? code : (code & bits) === 0 ? 0 : 1));
}

function firstKnown(one: Samples, other: Samples): Samples {
  return combined(one, other, (first, second) => (Number.isNaN(first) ? second : first));
}

/** The sum of those that are known. */
function sumKnown(one: Samples, other: Samples): Samples {
  return combined(one, other, (first, second) =>
    Number.isNaN(first) ? second : Number.isNaN(second) ? first : first + second,
  );
}
