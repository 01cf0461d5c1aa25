/**
 * Runs a program of the machine: the drivers' door to child processes. Never through a shell; with
 * a bare environment, a deadline, and an output that is bounded. A secret goes to the child by
 * its environment or its standard input, never as an argument, which all users can read.
 */
import { StringDecoder } from "node:string_decoder";
import type { Clock } from "../../telemetry/index.ts";
import type { Ended, Launch } from "./child.ts";
import { Children, failed } from "./child.ts";

export interface ProgramCall extends Launch {
  /** Longest run. @unit ms */
  readonly timeout: number;
  /** Longest output. @unit bytes */
  readonly limit?: number | undefined;
}

/** How it ended: what it printed is whole, whatever its exit code. */
export interface ProgramResult extends Ended {
  readonly output: string;
}

/** Runs one program; tests put recordings in its place. */
export type RunProgram = (call: ProgramCall, signal: AbortSignal) => Promise<ProgramResult>;

/** Longest output, unless asked for otherwise. @unit bytes */
const usualLimit = 8 * 1024 * 1024;

/**
 * The door for programs that answer and end. One that overstays is killed, with all it started.
 * @throws E_PROGRAM_MISSING, E_PROGRAM, E_DISCONNECTED when given up
 */
export function programRunner(clock: Pick<Clock, "after">): RunProgram {
  const children = new Children(clock);
  return async (call, signal) => {
    const { timeout, limit = usualLimit } = call;
    const output: Buffer[] = [];
    let length = 0;
    const take = (piece: Buffer): void => {
      output.push(piece);
      length += piece.length;
      if (length > limit) throw failed(call, `printed more than ${limit} bytes`);
    };
    const ended = await children.run({ launch: call, timeout, take }, signal);
    return { ...ended, output: Buffer.concat(output).toString("utf8") };
  };
}

export interface StreamCall extends Launch {
  /** Longest line. @unit characters */
  readonly longest?: number | undefined;
  /** Longest time without output; none: it may be silent for ever. @unit ms */
  readonly silence?: number | undefined;
}

/** Runs a program that runs on, and hands over each line as it comes, without its line end. */
export type StreamProgram = (
  call: StreamCall,
  line: (line: string) => void,
  signal: AbortSignal,
) => Promise<Ended>;

/** Longest line, unless asked for otherwise. @unit characters */
const usualLongest = 64 * 1024;

/**
 * The door for programs that run on until `signal` aborts; resolves only when one has ended by
 * itself. Only whole lines count: what was begun when it ended is dropped. What `line` throws ends
 * the program, and the run with that error.
 * @throws E_PROGRAM_MISSING, E_PROGRAM, E_DISCONNECTED when given up
 */
export function programStream(clock: Pick<Clock, "after">): StreamProgram {
  const children = new Children(clock);
  return (call, line, signal) => {
    const { silence, longest = usualLongest } = call;
    const decoder = new StringDecoder("utf8");
    let begun = "";
    const go = (text: string): void => {
      begun += text;
      if (begun.length > longest) throw failed(call, `a line has more than ${longest} characters`);
    };
    const take = (piece: Buffer): void => {
      const [first = "", ...more] = decoder.write(piece).split("\n");
      go(first);
      for (const next of more) {
        const whole = begun.endsWith("\r") ? begun.slice(0, -1) : begun;
        begun = "";
        line(whole);
        go(next);
      }
    };
    return children.run({ launch: call, silence, take }, signal);
  };
}
