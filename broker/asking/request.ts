/**
 * What a client may ask of a hub: a request has a name, a form for what is asked, and a way to
 * answer. A request that only reads is anyone's, within what the client may subscribe to; one that
 * changes something must be named in the user's `ask`.
 */
import type { Schema } from "../../config/index.ts";
import { v } from "../../config/index.ts";
import type { Grant } from "../access.ts";
import { refuseSubscribe } from "../access.ts";

/** Why there was no answer, or not all of it. `problem`: what the request itself said. */
export type AskRefusal =
  | "login"
  | "form"
  | "unknown"
  | "arguments"
  | "access"
  | "rate"
  | "busy"
  | "cancelled"
  | "late"
  | "slow"
  | "problem"
  | "failed";

/** What a client is told of a refusal. */
export interface Problem {
  readonly why: AskRefusal;
  readonly problem: string;
  readonly remedy: string;
}

/** Ends an answer before its end, in the words that the client is told. */
export class AskProblem extends Error {
  readonly told: Problem;

  constructor(problem: string, remedy: string, why: AskRefusal = "problem") {
    super(problem);
    this.told = { why, problem, remedy };
  }
}

/** Who asks, for what answers. */
export interface AskedBy {
  /** "" for an anonymous client. */
  readonly user: string;
  /** For people: the user, or the client identifier of who has none. */
  readonly name: string;
  readonly grant: Grant;
}

/** A request as it is written down. */
export interface RequestParts<Args> {
  /** What `do` says. */
  readonly name: string;
  readonly about: string;
  /** It changes something. Left out: it only reads. */
  readonly acts?: true;
  /** What the payload holds besides `v`, `id` and `do`. */
  readonly args: Schema<Args>;
  /** How long an answer may take. @unit ms; left out: 30 s */
  readonly within?: number;
  /**
   * The answer, each value a part of its own of 128 KiB of JSON at most. It ends early when the
   * signal is aborted.
   * @throws AskProblem, and GatewayError, whose message and remedy are told
   */
  answer(args: Args, by: AskedBy, signal: AbortSignal): AsyncIterable<unknown>;
}

/** A request whose form is hidden: all are alike to who takes them in. */
export interface HubRequest {
  readonly name: string;
  readonly about: string;
  readonly acts: boolean;
  /** @unit ms */
  readonly within: number;
  /** The answer that will be given, or why what is asked has not the right form. */
  prepare(args: unknown): Prepared | { readonly problem: string };
}

export interface Prepared {
  answer(by: AskedBy, signal: AbortSignal): AsyncIterable<unknown>;
}

export function defineRequest<Args>(parts: RequestParts<Args>): HubRequest {
  const { name, about, acts = false, within = 30_000, args: form } = parts;
  return {
    name,
    about,
    acts,
    within,
    prepare(given) {
      const result = v.safeParse(form, given);
      if (!result.success) {
        const [issue] = result.issues;
        const path = v.getDotPath(issue);
        return { problem: path === null ? issue.message : `${path}: ${issue.message}` };
      }
      const args = result.output;
      return { answer: (by, signal) => parts.answer(args, by, signal) };
    },
  };
}

/** Whether somebody may make a request at all. */
export function mayAsk({ name, acts }: Pick<HubRequest, "name" | "acts">, grant: Grant): boolean {
  if (!acts || grant.role === "admin" || grant.role === "anonymous") return true;
  return grant.role === "reader" && grant.ask?.includes(name) === true;
}

/** Whether somebody may read a topic, or all that a filter matches. */
export function mayRead({ grant }: Pick<AskedBy, "grant">, filter: string): boolean {
  return refuseSubscribe(grant, filter) === undefined;
}
