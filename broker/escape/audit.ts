/**
 * An audit of who may hear and cause what, from outside: each user of a configuration tries every
 * way over its neighbours' border against a running hub, while an admin publishes on topics of all
 * (canaries) and another connection of it listens for what the tries cause (the judge). A leak is a
 * message that a user heard or caused, or a connection that it got, outside its rights, held
 * against `rights.ts`. All names are the audit's own; what is retained is taken away at the end.
 */
import type { Clock, DeviceAddress, Entropy } from "../../telemetry/index.ts";
import { topicRoot } from "../../telemetry/index.ts";
import type { EscapeRow, Leak } from "./book.ts";
import { Book } from "./book.ts";
import { Intruder } from "./intruder.ts";
import type { Account, Doors } from "./member.ts";
import { Member } from "./member.ts";
import { askAround } from "./questions.ts";
import type { Who } from "./rights.ts";
import { mayCause } from "./rights.ts";
import type { Try } from "./tries.ts";
import { canariesOf, spread, triesOf } from "./tries.ts";

export interface EscapeSetup {
  readonly accounts: readonly Account[];
  /** An admin that no account is. */
  readonly admin: { readonly user: string; readonly password: string };
  readonly doors: Doors;
  /** The hub's own address, of class `hub`: there it is asked. */
  readonly hub: DeviceAddress;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** The hub is in use: nothing that its agents or its store would notice. */
  readonly live: boolean;
  /** Tries of each user at most, over all kinds; those of entering come on top. */
  readonly most?: number;
  /** Users that try passwords and client identifiers of others; the rest do not. */
  readonly entering?: number;
  /** Users not begun by then are left out. @unit ms */
  readonly within: number;
  readonly progress?: (done: number, all: number) => void;
}

export interface EscapeReport {
  readonly rows: readonly EscapeRow[];
  readonly leaks: readonly Leak[];
  readonly tries: number;
  readonly leaked: number;
  /** Users that were let in and heard a message of their own, or have none to hear. */
  readonly alive: number;
  /** Users that were not let in, or could not hear what is theirs. */
  readonly silent: readonly string[];
  /** Users for whom there was no time. */
  readonly left: readonly string[];
}

/** Users that are connected at once. */
const groupSize = 48;
/** Neighbours that each user tries. */
const neighbourCount = 3;
/** How long the last message may take. @unit ms */
const patience = 5000;

/**
 * Runs the audit.
 * @returns undefined when the admin is not let in
 */
export async function tryEscapes(setup: EscapeSetup): Promise<EscapeReport | undefined> {
  using audit = new Audit(setup);
  return (await audit.open()) ? await audit.run() : undefined;
}

class Audit implements Disposable {
  readonly #setup: EscapeSetup;
  readonly #book = new Book();
  readonly #mark: string;
  readonly #device: string;
  readonly #alive: string[] = [];
  readonly #silent: string[] = [];
  readonly #left: string[] = [];
  /** Members at work, by their mark. */
  #members = new Map<string, Member>();
  #admin: Intruder | undefined;
  #judge: Intruder | undefined;
  #fences = 0;
  #fence = { payload: "", heard: (): void => undefined };

  constructor(setup: EscapeSetup) {
    this.#setup = setup;
    this.#device = `audit-${setup.entropy.id().slice(0, 8)}`;
    this.#mark = this.#device;
  }

  async open(): Promise<boolean> {
    this.#admin = await this.#asAdmin("admin");
    this.#judge = await this.#asAdmin("judge", (topic, payload) => this.#judged(topic, payload));
    const all = await this.#judge?.subscribe(`${topicRoot}/#`);
    const system = await this.#judge?.subscribe("$SYS/#");
    return this.#admin !== undefined && all === 0 && system === 0;
  }

  async run(): Promise<EscapeReport> {
    const { accounts, clock, within, progress } = this.#setup;
    const end = clock.monotonic() + within;
    for (let from = 0; from < accounts.length; from += groupSize) {
      progress?.(from, accounts.length);
      const group = accounts.slice(from, from + groupSize);
      if (clock.monotonic() >= end) this.#left.push(...group.map(({ who }) => who.name));
      else await this.#round(group.map((account, at) => this.#member(account, from + at)));
    }
    const { rows, leaks, leaked } = this.#book;
    const tries = rows.reduce((sum, row) => sum + (row.kind === "own" ? 0 : row.tries), 0);
    const [alive, silent, left] = [this.#alive.length, this.#silent, this.#left];
    return { rows, leaks, tries, leaked, alive, silent, left };
  }

  [Symbol.dispose](): void {
    this.#admin?.[Symbol.dispose]();
    this.#judge?.[Symbol.dispose]();
  }

  #member(account: Account, number: number): Member {
    const mark = `${this.#mark}-${number}`;
    const ground = { device: this.#device, mine: mark, live: this.#setup.live };
    const neighbours = this.#neighboursOf(account.who, number);
    const all = triesOf(account.who, neighbours, ground);
    const tries = spread(all, this.#setup.most ?? all.length);
    const { doors } = this.#setup;
    return new Member({ account, number, tries, mark, book: this.#book, doors });
  }

  /** The next few behind it that own something, those of other organisations first. */
  #neighboursOf(who: Who, number: number): readonly Who[] {
    const { accounts } = this.#setup;
    const ring = [...accounts.slice(number + 1), ...accounts.slice(0, number)].slice(0, 50);
    const others = ring.map((other) => other.who).filter(({ role }) => role !== "admin");
    const foreign = others.filter(({ org }) => org !== who.org);
    return [...new Set([...foreign.slice(0, neighbourCount - 1), ...others])].slice(
      0,
      neighbourCount,
    );
  }

  async #round(members: readonly Member[]): Promise<void> {
    const { live } = this.#setup;
    this.#members = new Map(members.map((member) => [member.mark, member]));
    const own = members.flatMap(({ account }) =>
      [account.who, ...this.#neighboursOf(account.who, this.#numberOf(account))].flatMap((who) =>
        canariesOf(who, { device: this.#device, live }),
      ),
    );
    const canaries = [...new Set(own)];
    const kept = members.flatMap((member) => removedBy(member));
    // First what is retained, then, with all listening, what is not.
    for (const topic of [...canaries, ...kept]) await this.#canary(topic, true);
    const there = await Promise.all(members.map((member) => member.listen()));
    await Promise.all(members.map((member) => member.write()));
    for (const topic of canaries) await this.#canary(topic, false);
    await this.#settle();
    await Promise.all(members.map((member) => member.settle()));
    for (const [at, member] of members.entries()) this.#see(member, there[at] === true);
    await this.#lookAtRetained(members);
    await Promise.all(members.map((member) => this.#asking(member)));
    await this.#entering(members);
    for (const member of members) member.close();
    for (const topic of [...canaries, ...kept]) await this.#admin?.publish(topic, "", true);
    await this.#settle();
  }

  /** While what is retained of all is there. */
  async #asking(member: Member): Promise<void> {
    const { hub, clock, live } = this.#setup;
    const neighbours = this.#neighboursOf(member.account.who, this.#numberOf(member.account));
    const foreign = neighbours.flatMap((who) => canariesOf(who, { device: this.#device, live }));
    await askAround(member, { hub, foreign, book: this.#book, clock });
  }

  #numberOf(account: Account): number {
    return this.#setup.accounts.indexOf(account);
  }

  async #canary(topic: string, retain: boolean): Promise<void> {
    await this.#admin?.publish(topic, `${this.#mark} canary`, retain);
  }

  /** Someone who hears nothing at all proves nothing. */
  #see(member: Member, there: boolean): void {
    const { name } = member.account.who;
    const own = member.tries.some(({ kind }) => kind === "own");
    if (there && (!own || member.heard.size > 0)) this.#alive.push(name);
    else this.#silent.push(name);
  }

  /** What the others have retained must be there still, and unchanged. */
  async #lookAtRetained(members: readonly Member[]): Promise<void> {
    const found = new Map<string, string>();
    const link = await this.#asAdmin("looking", (topic, payload) => found.set(topic, payload));
    for (const member of members) {
      for (const topic of removedBy(member)) {
        await link?.subscribe(topic);
        await link?.ping();
        if (found.get(topic) === `${this.#mark} canary`) continue;
        const user = member.account.who.name;
        const got = `${topic} ${found.has(topic) ? "overwritten" : "removed"}`;
        this.#book.leak({ user, kind: "retained", tried: topic, got }, true);
      }
    }
    link?.[Symbol.dispose]();
  }

  /** One after the other: they hold what the next one tries. */
  async #entering(members: readonly Member[]): Promise<void> {
    const { entering = Number.POSITIVE_INFINITY, live } = this.#setup;
    for (const [at, member] of members.entries()) {
      const other = members[(at + 1) % members.length];
      const number = this.#numberOf(member.account);
      if (other === undefined || other === member || number >= entering) continue;
      // Thirty wrong passwords, and the hub lets nobody in from this address.
      await member.enter(other, !live || number < 6);
    }
  }

  /** All that was published before has reached the judge: it hears a will that comes last. */
  async #settle(): Promise<void> {
    const { clock } = this.#setup;
    this.#fences += 1;
    const payload = `${this.#mark} fence ${this.#fences}`;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#fence = { payload, heard: resolve };
    const will = { topic: `${topicRoot}/a/a/a/a/${this.#device}/advice`, payload, retain: false };
    const timer = clock.after(patience, resolve);
    (await this.#asAdmin("fence", undefined, will))?.break();
    await promise;
    timer.cancel();
    await this.#judge?.ping();
  }

  #judged(topic: string, payload: string): void {
    if (payload === this.#fence.payload) this.#fence.heard();
    if (!payload.startsWith(this.#mark)) return;
    const [mark = "", index = ""] = payload.split(".");
    const member = this.#members.get(mark);
    const tried = member?.tries[Number(index)];
    if (member === undefined || tried === undefined) return;
    const { who } = member.account;
    if (mayCause(who, topic) !== undefined) return;
    this.#book.leak({ user: who.name, kind: tried.kind, tried: tried.topic, got: topic }, true);
  }

  async #asAdmin(
    role: string,
    heard: (topic: string, payload: string) => void = () => undefined,
    will?: { readonly topic: string; readonly payload: string; readonly retain: boolean },
  ): Promise<Intruder | undefined> {
    const { doors, clock, admin } = this.#setup;
    const link = new Intruder({ stream: await doors.dial(-1), clock, heard });
    const id = `${this.#mark}-${role}`;
    const code = await link.connect({ id, clean: true, ...admin, ...(will && { will }) });
    if (code === 0) return link;
    link.break();
    return undefined;
  }
}

/** Topics with a canary that a user tries to overwrite and to remove. */
function removedBy(member: Member): string[] {
  const removals = member.tries.filter((one: Try) => one.does === "remove");
  const topics = removals.map(({ topic }) => topic.toString());
  return topics.filter((topic) => topic.startsWith(`${topicRoot}/`));
}
