/** One user of the configuration, trying. */
import type { Duplex } from "node:stream";
import type { Clock } from "../../telemetry/index.ts";
import { agentClientId } from "../../telemetry/index.ts";
import type { Book } from "./book.ts";
import { Intruder } from "./intruder.ts";
import type { Who } from "./rights.ts";
import { matches, mayHear } from "./rights.ts";
import type { Kind, Try } from "./tries.ts";
import type { Hello, Words } from "./wire.ts";

/** A user whose password is known. */
export interface Account {
  readonly who: Who;
  readonly password: string;
}

export interface Doors {
  /** A connection to the hub; accounts have a number, so that each may have an address. */
  dial(number: number): Promise<Duplex>;
  readonly clock: Pick<Clock, "after">;
}

export interface MemberParts {
  readonly account: Account;
  readonly number: number;
  readonly tries: readonly Try[];
  /** Begins the payload of everything it sends, and its client identifiers. */
  readonly mark: string;
  readonly book: Book;
  readonly doors: Doors;
}

type Heard = (topic: string, payload: string) => void;

const deaf: Heard = () => undefined;

export class Member {
  readonly account: Account;
  readonly tries: readonly Try[];
  readonly mark: string;
  /** Own topics that were heard. */
  readonly heard = new Set<string>();
  readonly #number: number;
  readonly #book: Book;
  readonly #doors: Doors;
  readonly #granted: Try[] = [];
  #listener: Intruder | undefined;

  constructor({ account, number, tries, mark, book, doors }: MemberParts) {
    this.account = account;
    this.tries = tries;
    this.mark = mark;
    this.#number = number;
    this.#book = book;
    this.#doors = doors;
  }

  /** The name of one of its tries in a payload. */
  payloadOf(index: number): string {
    return `${this.mark}.${index}`;
  }

  /** Subscribes to all that it tries to hear; false when it cannot even log in. */
  async listen(): Promise<boolean> {
    const { name } = this.account.who;
    for (const one of this.tries) {
      if (one.does !== "subscribe") continue;
      const link = await this.#listening();
      if (link === undefined) return false;
      const code = await link.subscribe(one.topic);
      const granted = code !== "none" && code < 128;
      this.#book.tried(name, one.kind, !granted);
      if (granted) this.#granted.push(one);
    }
    return (await this.#listening()) !== undefined;
  }

  /** What was sent to it before is judged when this resolves. */
  async settle(): Promise<void> {
    await this.#listener?.ping();
  }

  /** Publishes and leaves wills wherever it should not. */
  async write(): Promise<void> {
    const { name } = this.account.who;
    let link: Intruder | undefined;
    for (const [index, one] of this.tries.entries()) {
      if (one.does === "subscribe") continue;
      const payload = this.payloadOf(index);
      if (one.does === "will") await this.#leaveWill(one.topic, index);
      else {
        if (link?.open !== true) link = await this.open("writer");
        await link?.publish(one.topic, payload, one.does === "remove");
        if (one.does === "remove") await link?.publish(one.topic, "", true);
      }
      // What is refused is acknowledged all the same: the judge hears if it was not.
      this.#book.tried(name, one.kind, true);
    }
    link?.[Symbol.dispose]();
  }

  async #leaveWill(topic: Words, index: number): Promise<void> {
    const will = { topic, payload: this.payloadOf(index), retain: true };
    const link = await this.open(`will-${index}`, { will });
    link?.break();
    await link?.closed;
  }

  /** Enters as, or in the place of, another; a yes is a leak. */
  async enter(other: Member, passwords: boolean): Promise<void> {
    await this.#takeOver(other);
    await this.#takeSession(other);
    if (!passwords || this.account.password === other.account.password) return;
    const { who, password } = this.account;
    const theirs = other.account;
    const guesses = [
      { user: who.name, password: theirs.password },
      { user: theirs.who.name, password },
      { user: theirs.who.name, password: "" },
    ];
    for (const guess of guesses) await this.#try("password", guess.user, guess);
  }

  /** The client identifier of one who is connected, and one that an agent will come with. */
  async #takeOver(other: Member): Promise<void> {
    const id = `${other.mark}-held-${this.#number}`;
    const held = await other.open("", { id });
    if (held !== undefined) {
      await this.#try("client id", id, { id });
      if ((await held.ping()) === "none") this.#leak("client id", id, "ended its connection");
      held[Symbol.dispose]();
    }
    const { role, site, agent } = other.account.who;
    if (role !== "agent") return;
    const [region = "", org = "", place = ""] = site.split("/");
    const theirs = agentClientId({ region, org, site: place }, agent);
    await this.#try("client id", theirs, { id: theirs });
  }

  async #takeSession(other: Member): Promise<void> {
    const id = `${other.mark}-kept-${this.#number}`;
    const owner = await other.open("", { id, clean: false });
    if (owner === undefined) return;
    owner[Symbol.dispose]();
    await owner.closed;
    await this.#try("session", id, { id, clean: false });
    await this.#try("session", id, { id, clean: true });
    const again = await other.open("", { id, clean: true });
    again?.[Symbol.dispose]();
  }

  async #try(kind: Kind, tried: string, hello: Partial<Hello>): Promise<void> {
    const link = await this.open("", hello);
    this.#book.tried(this.account.who.name, kind, link === undefined);
    if (link === undefined) return;
    this.#leak(kind, tried, "was let in");
    link[Symbol.dispose]();
    await link.closed;
  }

  #leak(kind: Kind, tried: Words, got: string): void {
    this.#book.leak({ user: this.account.who.name, kind, tried, got });
  }

  /** Ends what it holds open. */
  close(): void {
    this.#listener?.[Symbol.dispose]();
  }

  /** A connection that was let in. */
  async open(
    role: string,
    hello: Partial<Hello> = {},
    heard = deaf,
  ): Promise<Intruder | undefined> {
    const { who, password } = this.account;
    const { clock } = this.#doors;
    const link = new Intruder({ stream: await this.#doors.dial(this.#number), clock, heard });
    const id = `${this.mark}-${role}`;
    const code = await link.connect({ id, clean: true, user: who.name, password, ...hello });
    if (code === 0) return link;
    link.break();
    return undefined;
  }

  /** The connection it listens on, with all that it was granted so far. */
  async #listening(): Promise<Intruder | undefined> {
    if (this.#listener?.open === true) return this.#listener;
    const id = `${this.mark}-listener`;
    const link = await this.open("", { id }, (topic) => this.#hear(topic, id));
    for (const { topic } of this.#granted) await link?.subscribe(topic);
    this.#listener = link;
    return link;
  }

  #hear(topic: string, id: string): void {
    const { who } = this.account;
    if (mayHear(who, topic, id) !== undefined) {
      this.heard.add(topic);
      return;
    }
    const by = this.#granted.findLast((one) => matches(one.topic.toString(), topic));
    this.#leak(by?.kind ?? "subscribe", by?.topic ?? "nothing that matches", topic);
  }
}
