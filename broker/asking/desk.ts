/**
 * Takes in what clients ask of the hub and sees to it that they are answered, each on its own
 * topic and at its own pace. What is refused is answered with a problem and counted; nobody is
 * disconnected for it.
 *
 * Bounds: requests of 16 KiB, 5 a second of one client in the long run (50 at once), 4 of a client,
 * 16 of a user and 64 of all under way, and a time for each answer and for each part of it.
 */
import type { Ask, DeviceAddress, Platform } from "../../telemetry/index.ts";
import { decodeAsk, GatewayError, messageOf, topicOf } from "../../telemetry/index.ts";
import { v } from "../../config/index.ts";
import type { Grant } from "../access.ts";
import type { Tally } from "../counters.ts";
import { Rate } from "../rate.ts";
import type { Asker } from "./reply.ts";
import { Reply, TooSlow } from "./reply.ts";
import type { AskedBy, AskRefusal, HubRequest, Prepared, Problem } from "./request.ts";
import { AskProblem, mayAsk } from "./request.ts";

export interface AskCounts {
  /** Requests that were answered to the end. */
  readonly answered: number;
  readonly refused: Tally<AskRefusal>;
}

/** A request that is to be answered. */
interface Task {
  readonly request: HubRequest;
  readonly prepared: Prepared;
}

/** What is known of one connection. */
interface Guest {
  readonly rate: Rate;
  /** By id of the request. */
  readonly underWay: Map<string, AbortController>;
  noticed: number;
}

/** Requests a second of one client in the long run. */
const perSecond = 5;
/** Requests under way. */
const most = { ofClient: 4, ofUser: 16, ofAll: 64 } as const;
/** Between two answers that say only that there were too many requests. @unit ms */
const noticeEvery = 1000;

/** The request that ends another of the same client. */
const cancel = { name: "cancel", acts: false } as const;
const cancelForm = v.strictObject({ of: v.string() });

const tooMany = {
  problem: `more than ${perSecond} requests a second`,
  remedy: "wait, and ask for many things in one request",
} as const;
const busy: Problem = {
  why: "busy",
  problem: "too many requests are under way",
  remedy: "wait for their answers, then ask again",
};
const notUnderWay: Problem = {
  why: "arguments",
  problem: "no such request of this client is under way",
  remedy: 'send its id: "of":"…"',
};
const cancelled: Problem = {
  why: "cancelled",
  problem: "cancelled",
  remedy: "ask again for the rest",
};
const tooLate: Problem = {
  why: "late",
  problem: "the answer takes too long",
  remedy: "ask for less at once",
};
const tooSlow: Problem = {
  why: "slow",
  problem: "the client does not take its answer",
  remedy: "read faster, or ask for less at once",
};

export interface DeskParts extends Pick<Platform, "clock" | "log"> {
  /** The hub's own address: its class is `hub`. */
  readonly hub: DeviceAddress;
  readonly requests: readonly HubRequest[];
}

export class Desk {
  /** Where this hub is asked. */
  readonly topic: string;
  readonly #clock: Platform["clock"];
  readonly #log: Platform["log"];
  readonly #requests: ReadonlyMap<string, HubRequest>;
  readonly #guests = new WeakMap<Asker, Guest>();
  /** Requests under way, by user. */
  readonly #ofUser = new Map<string, number>();
  #ofAll = 0;
  #answered = 0;
  readonly #refused: Partial<Record<AskRefusal, number>> = {};

  constructor({ hub, requests, clock, log }: DeskParts) {
    this.topic = topicOf(hub, "ask");
    this.#clock = clock;
    this.#log = log;
    this.#requests = new Map(requests.map((request) => [request.name, request]));
  }

  get counts(): AskCounts {
    return { answered: this.#answered, refused: this.#refused };
  }

  /** Names of the requests that somebody may make. */
  namesFor(grant: Grant): readonly string[] {
    const all = [...this.#requests.values(), cancel];
    return all.filter((request) => mayAsk(request, grant)).map(({ name }) => name);
  }

  /**
   * The answer to one who asks by another way than the broker, until `gone` is aborted.
   * @throws AskProblem, as does the answer
   */
  open(ask: Pick<Ask, "do" | "args">, by: AskedBy, gone: AbortSignal): AsyncIterable<unknown> {
    const task = this.#prepare(ask, by, 0);
    if (!("why" in task)) return this.#run(task, by, gone);
    this.#count(task.why);
    throw problemError(task);
  }

  /**
   * Takes in the payload of an `ask`; it returns at once and never throws. `other` finds a
   * connected client of the same user.
   */
  take(payload: Uint8Array, from: Asker, other: (id: string) => Asker | undefined): void {
    if (from.gone.aborted) return;
    const decoded = decodeAsk(payload);
    const reply = new Reply("ok" in decoded ? decoded.ok.id : decoded.id, from, this.#clock);
    if (!this.#admits(from, reply)) return;
    if (!("ok" in decoded)) {
      const remedy = 'send {"v":1,"id":"…","do":"…"}';
      return this.#refuse(reply, { why: "form", problem: decoded.problem, remedy });
    }
    const { client } = decoded.ok;
    const asker = client === undefined ? from : other(client);
    if (asker !== undefined) return this.#take(decoded.ok, asker);
    const problem = `no client ${client} of this user is connected`;
    this.#refuse(reply, { why: "arguments", problem, remedy: "connect and subscribe it first" });
  }

  /** Whether one who asks does not ask too often. */
  #admits(from: Asker, reply: Reply): boolean {
    const guest = this.#guestOf(from);
    if (guest.rate.free) {
      guest.rate.take(0);
      return true;
    }
    this.#count("rate");
    if (this.#mayNotice(guest)) reply.end(tooMany);
    return false;
  }

  #take(ask: Ask, asker: Asker): void {
    const { id } = ask;
    const guest = this.#guestOf(asker);
    // What a client sends again at QoS 1 or 2.
    if (guest.underWay.has(id)) return;
    const reply = new Reply(id, asker, this.#clock);
    if (ask.do === cancel.name) return this.#cancel(ask, reply, guest);
    const task = this.#prepare(ask, asker, guest.underWay.size);
    if ("why" in task) return this.#refuse(reply, task);
    const stop = new AbortController();
    guest.underWay.set(id, stop);
    void this.#answer(task, { asker, reply, stop }).finally(() => guest.underWay.delete(id));
  }

  /** `underWay`: requests of the same connection. */
  #prepare(
    { do: name, args }: Pick<Ask, "do" | "args">,
    asker: AskedBy,
    underWay: number,
  ): Task | Problem {
    const request = this.#requests.get(name);
    if (request === undefined) {
      const remedy = `ask for one of: ${this.namesFor(asker.grant).join(", ")}`;
      return { why: "unknown", problem: `there is no request ${name}`, remedy };
    }
    if (!mayAsk(request, asker.grant)) {
      const problem = `${asker.name} may not ask for ${name}`;
      return { why: "access", problem, remedy: "name it in the user's `ask` at the hub" };
    }
    const prepared = request.prepare(args);
    if ("problem" in prepared) {
      return { why: "arguments", problem: prepared.problem, remedy: request.about };
    }
    return this.#isBusy(asker, underWay) ? busy : { request, prepared };
  }

  #isBusy({ user }: AskedBy, underWay: number): boolean {
    if (underWay >= most.ofClient || this.#ofAll >= most.ofAll) return true;
    return user !== "" && (this.#ofUser.get(user) ?? 0) >= most.ofUser;
  }

  #cancel({ args }: Ask, reply: Reply, { underWay }: Guest): void {
    const form = v.safeParse(cancelForm, args);
    const stop = form.success ? underWay.get(form.output.of) : undefined;
    if (stop === undefined) return this.#refuse(reply, notUnderWay);
    stop.abort();
    this.#answered += 1;
    reply.done();
  }

  async #answer(
    task: Task,
    { asker, reply, stop }: { asker: Asker; reply: Reply; stop: AbortController },
  ): Promise<void> {
    const signal = AbortSignal.any([stop.signal, asker.gone]);
    try {
      await reply.pour(this.#run(task, asker, signal), signal);
      if (stop.signal.aborted) this.#refuse(reply, cancelled);
    } catch (error) {
      if (stop.signal.aborted) this.#refuse(reply, cancelled);
      else if (error instanceof AskProblem) reply.end(error.told);
      else if (error instanceof TooSlow) this.#refuse(reply, tooSlow);
    }
  }

  /** The answer to a request that is let in: counted, and ended in time. @throws AskProblem */
  async *#run({ request, prepared }: Task, by: AskedBy, gone: AbortSignal): AsyncGenerator {
    const late = new AbortController();
    const timer = this.#clock.after(request.within, () => late.abort());
    const signal = AbortSignal.any([late.signal, gone]);
    this.#enter(by.user, 1);
    try {
      for await (const value of prepared.answer(by, signal)) {
        if (signal.aborted) break;
        yield value;
      }
      if (late.signal.aborted) throw problemError(tooLate);
      if (!gone.aborted) this.#answered += 1;
    } catch (error) {
      const told = error instanceof AskProblem ? error.told : this.#problemOf(error, request);
      if (!gone.aborted) this.#count(told.why);
      throw problemError(told);
    } finally {
      timer.cancel();
      this.#enter(by.user, -1);
    }
  }

  #problemOf(error: unknown, { name }: HubRequest): Problem {
    if (error instanceof GatewayError && error.verdict !== "fatal") {
      return { why: "problem", problem: error.message, remedy: error.remedy };
    }
    this.#log.error("request failed", { request: name, problem: messageOf(error) });
    return { why: "failed", problem: "the hub failed", remedy: "its log says why" };
  }

  #refuse(reply: Reply, problem: Problem): void {
    this.#count(problem.why);
    reply.end(problem);
  }

  #count(why: AskRefusal): void {
    this.#refused[why] = (this.#refused[why] ?? 0) + 1;
  }

  #enter(user: string, by: 1 | -1): void {
    this.#ofAll += by;
    const count = (this.#ofUser.get(user) ?? 0) + by;
    if (count === 0) this.#ofUser.delete(user);
    else this.#ofUser.set(user, count);
  }

  #mayNotice(guest: Guest): boolean {
    const now = this.#clock.monotonic();
    if (now - guest.noticed < noticeEvery) return false;
    guest.noticed = now;
    return true;
  }

  #guestOf(asker: Asker): Guest {
    const known = this.#guests.get(asker);
    if (known !== undefined) return known;
    const rate = new Rate({ messages: perSecond }, this.#clock);
    const guest = { rate, underWay: new Map(), noticed: Number.NEGATIVE_INFINITY };
    this.#guests.set(asker, guest);
    return guest;
  }
}

function problemError({ why, problem, remedy }: Problem): AskProblem {
  return new AskProblem(problem, remedy, why);
}
