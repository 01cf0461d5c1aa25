/**
 * The one error class. Who catches decides by `verdict` alone; the code names the case, the
 * message says what happened and where, the remedy (from the table) says what to do next.
 * Foreign errors are translated once, at the door of their library, with `cause`.
 */
import { codes } from "./codes.ts";
import type { Code, Verdict } from "./codes.ts";

export interface ErrorDetails {
  /** The foreign error that was translated. */
  readonly cause?: unknown;
  /** How long to wait before trying again, when the other side said so. @unit ms */
  readonly retryAfterMs?: number;
}

/** What every room throws: a code, its verdict and remedy, and a sentence with the place. */
export class GatewayError extends Error {
  readonly code: Code;
  readonly retryAfterMs: number | undefined;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "GatewayError";
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
  }

  get verdict(): Verdict {
    return codes[this.code].verdict;
  }

  get remedy(): string {
    return codes[this.code].remedy;
  }
}

/** The sentence a person sees for any thrown value: code, message, remedy. */
export function explainError(error: unknown): string {
  if (error instanceof GatewayError) {
    return `${error.code}: ${error.message}\n  ${error.remedy}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The message of any thrown value, in one line. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` that Node's own errors carry (`ECONNREFUSED`, `ENOENT` …), if any. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * States what must hold; a violation is our own bug.
 * @throws E_BUG
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new GatewayError("E_BUG", message);
}

/**
 * Ends an exhaustive `switch`.
 * @throws E_BUG
 */
export function assertNever(value: never): never {
  throw new GatewayError("E_BUG", `unexpected value ${String(value)}`);
}
