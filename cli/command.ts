/** What commands share: their form, common options, and running until told to stop. */
import type { CommandModule } from "yargs";
import type { Schema } from "../config/index.ts";
import { duration, v } from "../config/index.ts";
import type { Platform } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import { loadConfig } from "./config.ts";
import type { LogLevel } from "./platform.ts";
import { clock, entropy, openLog } from "./platform.ts";

/** A command whose arguments are typed by its builder. */
export function defineCommand<Args>(
  command: CommandModule<object, Args>,
): CommandModule<object, Args> {
  return command;
}

export const configArgument = {
  type: "string",
  demandOption: true,
  describe: "The configuration file (YAML).",
} as const;

export const configOption = {
  type: "string",
  alias: "c",
  default: "rackstreet.yaml",
  describe: "The configuration file (YAML).",
} as const;

export const jsonOption = {
  type: "boolean",
  default: false,
  describe: "Print JSON, for machines.",
} as const;

export const forOption = {
  type: "string",
  describe: "Stop by itself after this time: 15s, 5m.",
} as const;

/** Loads a configuration and opens the real platform; `level` wins over the configured one. */
export async function openPlatform(
  path: string,
  level?: LogLevel,
): Promise<{ readonly loaded: LoadedConfig; readonly platform: Platform }> {
  const loaded = await loadConfig(path);
  return { loaded, platform: { clock, entropy, log: openLog(level ?? loaded.config.log) } };
}

/** An option of the command line in the form of the configuration's. @throws E_USAGE */
export function parsedArgument<Out>(name: string, value: unknown, form: Schema<Out>): Out {
  const result = v.safeParse(form, value);
  if (result.success) return result.output;
  throw new GatewayError("E_USAGE", `--${name}: ${result.issues[0].message}`);
}

/** `15s` → ms. @throws E_USAGE */
export function durationArgument(name: string, value: string): number {
  return parsedArgument(name, value, duration);
}

/** SIGINT, SIGTERM or the time given; a second signal ends the process at once. */
export class Stop implements Disposable {
  readonly asked: Promise<void>;
  readonly #stop: () => void;

  constructor(limit: string | undefined) {
    const ms = limit === undefined ? undefined : durationArgument("for", limit);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.asked = promise;
    this.#stop = (): void => {
      timer?.cancel();
      process.off("SIGINT", this.#stop);
      process.off("SIGTERM", this.#stop);
      resolve();
    };
    const timer = ms === undefined ? undefined : clock.after(ms, this.#stop);
    process.once("SIGINT", this.#stop);
    process.once("SIGTERM", this.#stop);
  }

  /** Waits no more: a command that failed must not live on until its time is over. */
  [Symbol.dispose](): void {
    this.#stop();
  }
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
