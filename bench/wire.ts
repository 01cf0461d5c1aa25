/** A slave that keeps a real line's time (`wire_slave.py`), and what it saw. */
import { v } from "../config/index.ts";
import type { Program } from "./processes.ts";
import { start } from "./processes.ts";

export interface SlaveSetup {
  readonly baud: number;
  /** Units that never answer. */
  readonly dead?: readonly number[];
  /** How long it takes to answer; t3.5 at least. @unit ms */
  readonly think?: number;
}

/** One request that the slave saw. @unit ms, monotonic */
export interface Seen {
  readonly came: number;
  readonly registers: number;
  readonly unit: number;
  /** How much later than the line would have the reply was over; undefined: there was none. */
  readonly late: number | undefined;
}

export interface WireSlave extends Disposable {
  readonly port: string;
  readonly pid: number;
  /** Ends it and tells what it saw. */
  end(): Promise<Seen[]>;
}

const row = v.tuple([v.number(), v.number(), v.number(), v.number(), v.number()]);

/** Starts a slave; characters have 10 bits (8N1). */
export async function startSlave({ baud, dead = [], think = 0 }: SlaveSetup): Promise<WireSlave> {
  const script = `${import.meta.dirname}/wire_slave.py`;
  const args = [script, `${baud}`, "10", dead.join(","), `${think}`];
  const program: Program = start("/usr/bin/python3", args);
  return {
    port: await program.line(),
    pid: program.pid,
    async end() {
      program.child.kill("SIGTERM");
      const seen: Seen[] = [];
      for (let line = await lineOf(program); line !== undefined; line = await lineOf(program)) {
        const [came, due, over, registers, unit] = v.parse(row, JSON.parse(line));
        const late = over === 0 ? undefined : (over - due) / 1e6;
        seen.push({ came: came / 1e6, registers, unit, late });
      }
      return seen;
    },
    [Symbol.dispose]: () => program[Symbol.dispose](),
  };
}

/** The next line, until it ends. */
function lineOf(program: Program): Promise<string | undefined> {
  return program.line().catch(() => undefined);
}
