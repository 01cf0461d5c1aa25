/** One device that a program reads: each reading is a run. */
import type { Reading } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group, Origin, Session, Trace } from "../contract.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { pointOf } from "../mapping/mapping.ts";
import type { TextForm } from "../mapping/text.ts";
import { documentOf } from "../mapping/text.ts";
import type { ProgramCall, ProgramResult, RunProgram } from "../transport/program.ts";
import type { Gate } from "./gate.ts";
import type { ExecOptions } from "./options.ts";

/** The one document there is. */
export const output = "output";

export interface ExecParts {
  readonly id: string;
  readonly options: ExecOptions;
  readonly form: TextForm;
  readonly mapping: Mapping;
  readonly run: RunProgram;
  readonly gate: Gate;
}

export class ExecSession implements Session {
  readonly groups: readonly Group[] = [{ name: "default", every: undefined }];
  readonly #parts: ExecParts;
  readonly #ending = new AbortController();

  constructor(parts: ExecParts) {
    this.#parts = parts;
  }

  /** @throws E_PROGRAM_MISSING, E_PROGRAM, E_DEVICE_FRAME, E_DISCONNECTED */
  async read(
    _groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    const { id, options, form, mapping, run, gate } = this.#parts;
    const either = AbortSignal.any([signal, this.#ending.signal]);
    const result = await gate.pass(() => run(callOf(options), either), either);
    const failure = failureOf(result, options);
    if (failure !== undefined) throw new GatewayError(failure.code, `${id}: ${failure.why}`);
    const data = documentOf(result.output, form, `${id}: ${options.command[0]}`);
    const mapped = mapping.map({ name: output, data, texts: form.format !== "json" });
    for (const one of mapped.traces) trace?.(one);
    return { points: mapped.parts.map(pointOf), faults: mapped.faults };
  }

  origin(): Origin {
    const { options, mapping } = this.#parts;
    return { endpoint: { program: options.command[0] }, sources: mapping.sources };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    return Promise.resolve();
  }
}

/** By `env -C` of GNU coreutils: a missing folder and a missing program are told apart. */
function callOf({ command, environment, folder, timeout, maxOutput }: ExecOptions): ProgramCall {
  const seen = environment.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const [program, ...args] = command;
  const bare = { environment: Object.fromEntries(seen), timeout, limit: maxOutput };
  if (folder === undefined) return { ...bare, program, args };
  return { ...bare, program: "env", args: ["-C", folder, program, ...args] };
}

/** What `env` exits with when the folder, or the program, is not there. */
const envFailed = 125;
const notRunnable = 126;
const notFound = 127;

function failureOf(
  { exit, said }: ProgramResult,
  { command: [program], exits, folder }: ExecOptions,
): { readonly code: "E_PROGRAM" | "E_PROGRAM_MISSING"; readonly why: string } | undefined {
  if (exits.includes(exit)) return undefined;
  const more = said === "" ? "" : `; it said: ${said}`;
  if (folder !== undefined && (exit === notFound || exit === notRunnable)) {
    return { code: "E_PROGRAM_MISSING", why: `${program} is not there or may not be run${more}` };
  }
  if (folder !== undefined && exit === envFailed) {
    return { code: "E_PROGRAM", why: `${program} cannot run in ${folder}${more}` };
  }
  return { code: "E_PROGRAM", why: `${program} ended with exit code ${exit}${more}` };
}
