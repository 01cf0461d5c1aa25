/** Ranks what may be wrong with a line, from the record alone. Pure. */
import { dead, duplicate, echo, hasty, master, slow, turnaround } from "./devices.ts";
import type { Evidence } from "./evidence.ts";
import type { CauseName, Finding } from "./finding.ts";
import { gateway, halfOpen, latency, opening } from "./host.ts";
import type { Picture, Tally } from "./picture.ts";
import { pictureOf } from "./picture.ts";
import { baud, bias, noise, parity, swapped, termination } from "./wiring.ts";

/** Everything that speaks for a cause. */
const scorers: readonly ((picture: Picture) => Finding[])[] = [
  opening,
  gateway,
  halfOpen,
  latency,
  master,
  echo,
  dead,
  slow,
  hasty,
  turnaround,
  duplicate,
  swapped,
  bias,
  termination,
  noise,
  baud,
  parity,
];

/** Findings below this are not worth a person's time. */
const worthSaying = 0.15;

/** From here on a line counts as faulty. */
export const faultLine = 0.3;

/**
 * What one cause explains of another, which then counts for this much less: a second master's
 * frames collide with ours, and a device that is silent at a wrong speed is not dead.
 */
const explains: Partial<Record<CauseName, readonly CauseName[]>> = {
  master: ["noise", "termination", "bias", "duplicate", "hasty", "dead", "slow", "turnaround"],
  duplicate: ["noise", "termination", "bias", "turnaround", "hasty"],
  turnaround: ["noise", "termination", "bias", "duplicate"],
  baud: ["dead", "bias", "noise", "termination", "parity"],
  parity: ["dead", "bias", "noise", "termination"],
  swapped: ["dead", "baud", "parity", "bias", "noise"],
  slow: ["dead", "hasty", "duplicate"],
  hasty: ["dead"],
  halfopen: ["dead", "hasty"],
  gateway: ["dead", "hasty"],
  unplugged: ["dead", "baud", "parity", "hasty"],
};

/** A cause that is explained away keeps this share. */
const explainedShare = 0.3;

/** Only a finding this sure explains others. */
const sureEnough = 0.6;

export interface Diagnosis {
  /** The likeliest first; nothing that is not worth saying. */
  readonly findings: readonly Finding[];
  readonly healthy: boolean;
  readonly units: readonly { readonly unit: number; readonly tally: Tally }[];
}

export function diagnose(evidence: Evidence): Diagnosis {
  const picture = pictureOf(evidence);
  const found = strongest(scorers.flatMap((scorer) => scorer(picture)));
  const explained = found.map((finding) => ({
    ...finding,
    likelihood: finding.likelihood * shareLeft(finding, found),
  }));
  const findings = explained
    .filter(({ likelihood }) => likelihood >= worthSaying)
    .toSorted((a, b) => b.likelihood - a.likelihood);
  const healthy = findings.every(({ likelihood }) => likelihood < faultLine);
  const units = picture.units.map(({ unit, all }) => ({ unit, tally: all }));
  return { findings, healthy, units };
}

/** Findings of one cause at several units are one. */
function strongest(all: readonly Finding[]): Finding[] {
  const byCause = new Map<CauseName, Finding>();
  for (const finding of all) {
    const known = byCause.get(finding.cause);
    if (known === undefined) {
      byCause.set(finding.cause, finding);
      continue;
    }
    const [first, second] =
      finding.likelihood > known.likelihood ? [finding, known] : [known, finding];
    const evidence = [...first.evidence, ...second.evidence].slice(0, evidenceLimit);
    byCause.set(finding.cause, { ...first, evidence });
  }
  return [...byCause.values()];
}

/** Sentences kept of one cause. */
const evidenceLimit = 8;

function shareLeft({ cause, likelihood }: Finding, all: readonly Finding[]): number {
  const better = all.some(
    (other) =>
      other.likelihood >= sureEnough &&
      other.likelihood >= likelihood * 0.9 &&
      explains[other.cause]?.includes(cause) === true,
  );
  return better ? explainedShare : 1;
}
