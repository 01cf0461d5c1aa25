/**
 * The normal case and every failure, with measured loads moved along the model: what each element
 * would carry, and which limit is nearest.
 */
import type {
  Element,
  Failure,
  Flow,
  PaperFlow,
  Phase,
  Topology,
  Use,
} from "../../config/index.ts";
import { failuresOf, flowOf, mustSurvive, phaseNames, tightest } from "../../config/index.ts";
import type { Consumers } from "./consumers.ts";
import type { Steps } from "./steps.ts";
import type { Usage } from "./usage.ts";
import { usualFlow } from "./usage.ts";

/** One case. */
export interface Case {
  /** Undefined: nothing has failed. */
  readonly failure: Failure | undefined;
  /** What goes through an element, at the 95th percentile. */
  readonly of: (id: string) => Flow;
  readonly isLive: (id: string) => boolean;
}

/** All cases, the normal one first. */
export function* caseSteps(
  topology: Topology,
  usages: ReadonlyMap<string, Usage>,
  { powers }: Consumers,
): Steps<readonly Case[]> {
  const normal = flowOf(topology, powers);
  const measured = (id: string): Flow | undefined => {
    const usage = usages.get(id);
    return usage && usualFlow(usage);
  };
  const failed: Case[] = [];
  for (const failure of failuresOf(topology)) {
    yield;
    const flow = flowOf(topology, powers, failure.elements);
    failed.push({
      failure,
      of: (id) => failedFlow({ normal, flow, id }, measured(id)),
      isLive: (id) => flow.isLive(id),
    });
  }
  const whole: Case = {
    failure: undefined,
    of: (id) => measured(id) ?? normal.of(id),
    isLive: (id) => normal.isLive(id),
  };
  return [whole, ...failed];
}

/** Sums in another order differ in their last digits. */
const hair = 1e-9;

/** Who loses no load carries at least what its meter says now: losses, and loads not listed. */
function failedFlow(
  {
    normal,
    flow,
    id,
  }: {
    readonly normal: PaperFlow;
    readonly flow: PaperFlow;
    readonly id: string;
  },
  measured: Flow | undefined,
): Flow {
  const [before, after] = [normal.of(id), flow.of(id)];
  const loses = after.voltAmperes < before.voltAmperes * (1 - hair);
  if (measured === undefined || loses) return after;
  const amperes: Partial<Record<Phase, number>> = {};
  for (const phase of phaseNames) {
    const both = [after.amperes[phase], measured.amperes[phase]].filter((one) => one !== undefined);
    if (both.length > 0) amperes[phase] = Math.max(...both);
  }
  return {
    watts: Math.max(after.watts, measured.watts),
    voltAmperes: Math.max(after.voltAmperes, measured.voltAmperes),
    amperes,
  };
}

/** The worst of the failures for an element that lives on. */
export interface Failover {
  readonly failure: Failure;
  readonly use: Use;
  /** Whether something behind it must survive that failure. */
  readonly asked: boolean;
  /** Watts it could carry more at the same power factor and shares of phases. */
  readonly headroom: number;
}

/**
 * Of the failures that something behind the element must survive; where nothing must, of all.
 * Undefined where it has no rating, or no failure leaves it alive.
 */
export function failoverOf(
  topology: Topology,
  cases: readonly Case[],
  element: Element,
): Failover | undefined {
  const behind = [element, ...topology.downstream(element.id)].filter((one) =>
    topology.isConsumer(one),
  );
  let worst: Failover | undefined;
  for (const { failure, of, isLive } of cases) {
    if (failure === undefined || !isLive(element.id)) continue;
    const flow = of(element.id);
    const use = tightest(element, flow);
    if (use === undefined) continue;
    const asked = behind.some((one) => mustSurvive(one, failure));
    const found = { failure, use, asked, headroom: headroomOf(element, use, flow) };
    if (worst === undefined || isWorse(found, worst)) worst = found;
  }
  return worst;
}

function isWorse(one: Failover, other: Failover): boolean {
  if (one.asked !== other.asked) return one.asked;
  return one.use.used / one.use.limit > other.use.used / other.use.limit;
}

/**
 * Watts that a limit leaves at the same power factor and shares of phases; negative where more is
 * carried already. An element that carries nothing takes what its limit is worth at power factor 1.
 */
export function headroomOf(
  { phases, voltage }: Element,
  { used, limit, unit }: Use,
  { watts }: Flow,
): number {
  if (unit === "W") return limit - used;
  if (used > 0 && watts > 0) return (watts / used) * (limit - used);
  if (unit === "VA") return limit - used;
  return (limit - used) * voltage * (phases.length === 2 ? Math.sqrt(3) : phases.length);
}
