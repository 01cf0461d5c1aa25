/**
 * Exit codes (sysexits): 0 done, 64 usage, 65 what audit, tenant audit, rules test, plan, doctor,
 * topology or capacity looked at is not in order, 69 unavailable, 70 bug, 75 try later, 78 config.
 * systemd can use `RestartPreventExitStatus=64 78`.
 */
import type { Verdict } from "../telemetry/index.ts";
import { explainError, GatewayError } from "../telemetry/index.ts";

export const exitCodes = {
  done: 0,
  usage: 64,
  data: 65,
  unavailable: 69,
  bug: 70,
  tryLater: 75,
  config: 78,
} as const;

const byVerdict: Readonly<Record<Verdict, number>> = {
  retry: exitCodes.tryLater,
  reject: exitCodes.unavailable,
  config: exitCodes.config,
  fatal: exitCodes.bug,
};

/** The exit code of what was thrown: by its verdict, except for the command line itself. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof GatewayError)) return exitCodes.bug;
  return error.code === "E_USAGE" ? exitCodes.usage : byVerdict[error.verdict];
}

/** Prints what was thrown and sets the exit code; never ends the process by itself. */
export function fail(error: unknown): void {
  process.stderr.write(`rackstreet: ${explainError(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
