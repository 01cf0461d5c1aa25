/**
 * A program that prints lines for as long as it runs: the second half of the door to child
 * processes (`transport/program.ts` is for those that end by themselves). Never through a shell;
 * with a bare environment; a line is bounded; whoever opens it must close it.
 */
import { spawn } from "node:child_process";
import { GatewayError, messageOf, systemCode } from "../../telemetry/index.ts";

export interface StreamCall {
  readonly program: string;
  readonly args: readonly string[];
  /** The package that has it, for the message when it is missing. */
  readonly package: string;
}

export interface StreamEvents {
  readonly line: (line: string) => void;
  /** It has ended, not by us: at once when it could not be started. */
  readonly end: (end: StreamEnd) => void;
}

export interface StreamEnd {
  readonly exit: number | undefined;
  /** The end of what it said on standard error. */
  readonly said: string;
  /** Why it could not run at all, or had to be ended. */
  readonly error: GatewayError | undefined;
}

export interface LineStream {
  /** Kills it; no event follows. Resolves when it is gone. */
  close(): Promise<void>;
}

/** Longest line: some fifty columns of at most 30 characters. @unit characters */
const longestLine = 64 * 1024;

/** Of what it said on standard error. @unit characters */
const keptWords = 500;

/** Starts the program. Never throws: what goes wrong is an `end`. */
export function openStream(call: StreamCall, events: StreamEvents): LineStream {
  const child = spawn(call.program, [...call.args], {
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
  });
  let said = "";
  let rest = "";
  let ended = false;
  const gone = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
    child.on("error", () => resolve());
  });
  const end = (exit: number | undefined, error?: GatewayError): void => {
    if (ended) return;
    ended = true;
    child.kill("SIGKILL");
    events.end({ exit, said: said.trim(), error });
  };
  const cut = (piece: string): void => {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (!ended) events.line(line.trimEnd());
    if (rest.length > longestLine) {
      const why = `${call.program}: printed a line of more than ${longestLine} characters`;
      end(undefined, new GatewayError("E_PROGRAM", why));
    }
  };
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (piece: string) => {
    if (!ended) cut(piece);
  });
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (piece: string) => {
    said = (said + piece).slice(-keptWords);
  });
  child.on("error", (cause) => end(undefined, notStarted(call, cause)));
  child.on("close", (code) => {
    if (!ended && rest !== "") events.line(rest.trimEnd());
    end(code ?? undefined);
  });
  return {
    async close() {
      ended = true;
      child.kill("SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
      await gone;
    },
  };
}

function notStarted({ program, package: name }: StreamCall, cause: unknown): GatewayError {
  const code = systemCode(cause);
  if (code === "ENOENT" || code === "EACCES") {
    const why = code === "ENOENT" ? "is not there" : "may not be run";
    const what = `${program} ${why}; install \`${name}\``;
    return new GatewayError("E_PROGRAM_MISSING", what, { cause });
  }
  return new GatewayError("E_PROGRAM", `${program}: ${messageOf(cause)}`, { cause });
}
