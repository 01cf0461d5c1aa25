/**
 * Bench: what reading each built-in Modbus profile costs its wire, all groups at once. Ours is the
 * plan that a session makes before it has learned anything. Against it: a request a value; and
 * blocks that grow greedily across holes of a fixed width, as Telegraf's `max_insert` does
 * (`optimization_max_register_fill`, 50 by default): with the one width that is best for all
 * profiles together, with the default, with the 10 that ours once had, and with the best width of
 * each profile. All keep the limits of the profiles; their time is that of drivers/modbus/cost.ts.
 * Nothing is sent, so runs are alike.
 */
import { profiles } from "../config/profiles.gen.ts";
import { profileSchema, v } from "../config/index.ts";
import type { Timing } from "../drivers/modbus/cost.ts";
import { networkTiming, serialTiming } from "../drivers/modbus/cost.ts";
import type { Span } from "../drivers/modbus/pdu.ts";
import type { Block, PlanLimits } from "../drivers/modbus/plan.ts";
import { planReads, planTime } from "../drivers/modbus/plan.ts";
import { limitsOf, modbusProfile, rowsOf } from "../drivers/modbus/profile.ts";
import { isSunSpec, layOut } from "../drivers/modbus/sunspec/resolve.ts";
import { isRecord } from "../telemetry/index.ts";
import { rounded } from "./processes.ts";
import { planGreedily, planNaively } from "./read-plan-peers.ts";

/** One product: what is wanted of it, and what it allows. */
interface Product {
  readonly id: string;
  readonly wanted: readonly Span[];
  readonly limits: PlanLimits;
}

/** What all products cost together, read one way. */
interface Sum {
  readonly requests: number;
  /** @unit ms */
  readonly time: number;
}

const wires: Readonly<Record<string, Timing>> = {
  "9600 8N1": serialTiming({ baud: 9600, parity: "none", dataBits: 8, stopBits: 1 }),
  "TCP, round trip 1 ms": networkTiming(0, 1),
};

const telegrafsGap = 50;
const formerGap = 10;
const widestGap = 124;
const bitsPerRegister = 16;

export function run(): Promise<unknown> {
  const products = productsOf();
  const [serial, network] = Object.entries(wires).map(([name, timing]) => {
    return { wire: name, ...measure(products, timing) };
  });
  if (serial === undefined || network === undefined) throw new Error("two wires are measured");
  return Promise.resolve({
    bench: "read-plan",
    ours: serial.ours.time,
    peer: serial.fixed.time,
    ratio: rounded(serial.ours.time / serial.fixed.time),
    unit: "ms of wire time at 9600 8N1 for all profiles; ratio ours ÷ a fixed gap, lower is better",
    goal: 1,
    profiles: products.length,
    values: products.reduce((sum, { wanted }) => sum + wanted.length, 0),
    serial,
    network,
  });
}

function productsOf(): Product[] {
  const form = profileSchema("modbus", modbusProfile);
  const modbus = Object.values(profiles).filter(
    (data) => isRecord(data) && data["driver"] === "modbus",
  );
  return modbus.map((data) => {
    const parsed = v.parse(form, data);
    const profile = isSunSpec(parsed) ? layOut(parsed).profile : parsed;
    const spans = new Set<Span>();
    for (const { span, exponent } of rowsOf(profile).flatMap(({ fields }) => fields)) {
      spans.add(span);
      if (exponent !== undefined) spans.add(exponent);
    }
    return { id: profile.id, wanted: [...spans], limits: limitsOf(profile.header) };
  });
}

function measure(products: readonly Product[], timing: Timing) {
  const sumOf = (plan: (product: Product) => readonly Block[]): Sum => {
    const plans = products.map(plan);
    return {
      requests: plans.reduce((sum, blocks) => sum + blocks.length, 0),
      time: rounded(plans.reduce((sum, blocks) => sum + planTime(blocks, timing), 0)),
    };
  };
  const ours = sumOf(({ wanted, limits }) => planReads(wanted, { limits, timing }));
  const naive = sumOf(({ wanted, limits }) => planNaively(wanted, limits));
  const gaps = Array.from({ length: widestGap + 1 }, (_, gap) => gap);
  const sums = gaps.map((gap) => sumOf((product) => planWithin(product, gap)));
  const fixed = sums.reduce((best, sum) => (sum.time < best.time ? sum : best));
  const usual = sumOf((product) => planWithin(product, telegrafsGap));
  const former = sumOf((product) => planWithin(product, formerGap));
  const tuned = sumOf((product) => {
    const plans = gaps.map((gap) => planWithin(product, gap));
    return plans.reduce((best, plan) => {
      return planTime(plan, timing) < planTime(best, timing) ? plan : best;
    });
  });
  const against = (peer: Sum) => ({
    ...peer,
    requests_ratio: rounded(ours.requests / peer.requests),
    time_ratio: rounded(ours.time / peer.time),
  });
  return {
    ours,
    naive: against(naive),
    fixed: { ...against(fixed), gap: sums.indexOf(fixed) },
    telegraf_default: { ...against(usual), gap: telegrafsGap },
    former: { ...against(former), gap: formerGap },
    fixed_tuned_per_profile: against(tuned),
  };
}

/** Across holes of one width, or less where the profile says so. */
function planWithin({ wanted, limits }: Product, gap: number): Block[] {
  const within = Math.min(limits.gap ?? gap, gap);
  return planGreedily(wanted, { ...limits, gap: within, bitGap: within * bitsPerRegister });
}
