/**
 * Health of the disks, as they judge it themselves (SMART), asked by smartctl: a child process a
 * disk, a few at once. Disks that stand still are not woken and give no point. It needs root, or
 * CAP_SYS_RAWIO (SATA, SAS) and CAP_SYS_ADMIN (NVMe); without smartctl or without the right, that
 * is one fault for all disks.
 *
 * A dying disk can keep smartctl for minutes, and no signal ends it then: such a disk is left alone
 * for `rest`. Disks for which a round has no time are the first of the next.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { RunProgram } from "../transport/program.ts";
import type { Blocks } from "./blocks.ts";
import type { HostFiles } from "./files.ts";
import type { Row, Value } from "./row.ts";
import { parseHealth } from "./smartctl.ts";

const atOnce = 4;
/** One disk. @unit ms */
const timeout = 10_000;
/** After this no disk is asked: the machine's other values wait for the round. @unit ms */
const longestRound = 15_000;
/** @unit ms */
const rest = 3_600_000;
/** A disk's answer has 10 to 40 KiB. @unit bytes */
const longestAnswer = 1024 * 1024;

/** Where administrators' programs are, which ordinary users' PATH may not name. */
const path = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/** No other state of smartctl: bad arguments and a disk that cannot be opened at once. */
const standbyExit = 3;

const missing = "smartctl (package smartmontools)";
const forbidden = "smartctl (needs root, or CAP_SYS_RAWIO and CAP_SYS_ADMIN)";

export interface SmartWorld {
  readonly files: HostFiles;
  readonly blocks: Blocks;
  readonly clock: Clock;
  readonly run: RunProgram;
  /** The program. */
  readonly smartctl: string;
}

/** The part `smart` of a session. */
export class SmartPart {
  readonly #world: SmartWorld;
  /** By kernel name; bounded by the disks. @unit ms */
  readonly #restsUntil = new Map<string, number>();
  /** How many disks the rounds so far have asked: the next begins behind them. */
  #asked = 0;

  constructor(world: SmartWorld) {
    this.#world = world;
  }

  /** @throws E_DISCONNECTED when given up */
  async read(signal: AbortSignal): Promise<Row[]> {
    const { blocks, clock } = this.#world;
    const began = clock.monotonic();
    const all = blocks.disks.filter(({ kernel }) => /^(sd|hd|nvme)/.test(kernel));
    const first = all.length === 0 ? 0 : this.#asked % all.length;
    const queue = [...all.slice(first), ...all.slice(0, first)];
    const answers = new Map<string, Record<string, Value>>();
    const work = async (): Promise<void> => {
      for (let disk = queue.shift(); disk !== undefined; disk = queue.shift()) {
        if (clock.monotonic() - began > longestRound) return;
        this.#asked += 1;
        answers.set(disk.kernel, await this.#ask(disk.kernel, signal));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return all.flatMap(({ kernel, name }): Row[] => {
      const values = answers.get(kernel) ?? {};
      if (Object.keys(values).length === 0) return [];
      return [{ measurement: "host_disk", channel: ["disk", name], values }];
    });
  }

  async #ask(kernel: string, signal: AbortSignal): Promise<Record<string, Value>> {
    const { files, clock, run, smartctl: program } = this.#world;
    if (clock.monotonic() < (this.#restsUntil.get(kernel) ?? 0)) return {};
    const at = `smartctl /dev/${kernel}`;
    const standby = `standby,${standbyExit}`;
    const args = ["--json=c", "-n", standby, "-a", "-l", "ssd", `/dev/${kernel}`];
    try {
      const environment = { PATH: path };
      const call = { program, args, environment, timeout, limit: longestAnswer };
      const { exit, output } = await run(call, signal);
      files.fine(missing);
      if (exit === standbyExit) return {};
      return this.#valuesOf(at, output);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code === "E_DISCONNECTED") throw error;
      if (error.code === "E_PROGRAM_MISSING") files.trouble(missing, error.code);
      else {
        this.#restsUntil.set(kernel, clock.monotonic() + rest);
        files.trouble(at, error.code);
      }
      return {};
    }
  }

  #valuesOf(at: string, output: string): Record<string, Value> {
    const { files } = this.#world;
    const health = parseHealth(output);
    if (health === undefined) files.trouble(at, "E_PROGRAM");
    else if (health.kind === "forbidden") files.trouble(forbidden);
    else if (health.kind === "dumb") files.trouble(at);
    if (health?.kind !== "figures") return {};
    files.fine(at);
    const values: Record<string, Value> = {};
    for (const { field, value, key } of health.figures) {
      values[field] = { value, at, raw: `${key} ${value}` };
    }
    return values;
  }
}
