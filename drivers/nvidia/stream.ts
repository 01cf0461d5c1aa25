/** A program that prints lines for as long as it runs, as something that is open until it ends. */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import type { StreamCall } from "../transport/program.ts";
import { programStream } from "../transport/program.ts";

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
  /** Kills it with all that it started; no event follows. */
  close(): Promise<void>;
}

export type OpenStream = (call: StreamCall, events: StreamEvents) => LineStream;

/** Starts programs. Never throws: what goes wrong is an `end`. */
export function streamOpener(clock: Pick<Clock, "after">): OpenStream {
  const start = programStream(clock);
  return (call, events) => {
    const ending = new AbortController();
    const { signal } = ending;
    const tell = (end: StreamEnd): void => {
      if (!signal.aborted) events.end(end);
    };
    const line = (line: string): void => {
      if (!signal.aborted) events.line(line);
    };
    const gone = start(call, line, signal).then(
      ({ exit, said }) => tell({ exit, said, error: undefined }),
      (cause: unknown) => tell({ exit: undefined, said: "", error: translated(call, cause) }),
    );
    return {
      close() {
        ending.abort();
        return gone;
      },
    };
  };
}

function translated({ program }: StreamCall, cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return new GatewayError("E_PROGRAM", `${program}: ${messageOf(cause)}`, { cause });
}
