/** Which of the processes that only store this one is. */
import type { Share } from "../broker/index.ts";
import { levelPattern, GatewayError } from "../telemetry/index.ts";
import type { WorkerArguments } from "./run-ingest.ts";

interface Given {
  readonly part: string | undefined;
  readonly group: string | undefined;
  readonly worker: string | undefined;
}

/** @throws E_USAGE */
export function workerArguments({ part, group, worker }: Given): WorkerArguments {
  if (part !== undefined && group !== undefined) {
    throw new GatewayError("E_USAGE", "give --part or --group: one of them divides the work");
  }
  if (group !== undefined && worker === undefined) {
    throw new GatewayError("E_USAGE", "--group needs --worker: a name for each of its members");
  }
  for (const [option, name] of Object.entries({ group, worker })) {
    if (name === undefined || levelPattern.test(name)) continue;
    throw new GatewayError("E_USAGE", `--${option} ${name}: use a-z, 0-9, _ and -`);
  }
  const share = part === undefined ? groupOf(group) : partOf(part);
  return { name: worker ?? part?.replace("/", "-of-") ?? "all", share };
}

/** What says how to divide is of no use to a hub that does all. @throws E_USAGE */
export function refuseWorkers(given: Given): void {
  for (const option of ["part", "group", "worker"] as const) {
    if (given[option] === undefined) continue;
    throw new GatewayError("E_USAGE", `--${option} is for --ingest-only`);
  }
}

function groupOf(group: string | undefined): Share | undefined {
  return group === undefined ? undefined : { group };
}

function partOf(text: string): Share {
  const [, part = "0", of = "0"] = /^([1-9]\d?)\/([1-9]\d?)$/.exec(text) ?? [];
  const share = { part: Number(part), of: Number(of) };
  if (share.part >= 1 && share.part <= share.of) return share;
  throw new GatewayError("E_USAGE", `--part ${text}: write which of how many, as 2/3`);
}
