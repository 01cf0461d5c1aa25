/**
 * One way that several devices are heard over: a serial line, a listening port, a connection to a
 * broker. It opens with the first listener and closes with the last; when it breaks, every listener
 * is told, and the next one opens it again.
 */
import { GatewayError } from "../../telemetry/index.ts";

/** Who hears what comes over a way. Both calls may come at any time until it has left. */
export interface Ear<Message> {
  heard(message: Message): void;
  /** The way is broken: it hears no more. */
  failed(error: unknown): void;
}

/** An open way. */
export interface Way<E> {
  /** A listener more, or at the opening each that is there. */
  joined?(ear: E): void;
  left?(ear: E): void;
  close(): Promise<void>;
}

export interface WayEvents<Message> {
  readonly heard: (message: Message) => void;
  /** It has ended by itself; more than one call is harmless. */
  readonly broken: (error: unknown) => void;
}

/** Opens a way; aborting gives the attempt up. */
export type OpenWay<Message, E extends Ear<Message>> = (
  events: WayEvents<Message>,
  signal: AbortSignal,
) => Promise<Way<E>>;

/** One life of a way, from its opening to its end. */
interface Life<E> {
  readonly ending: AbortController;
  way: Way<E> | undefined;
}

export class Audience<Message, E extends Ear<Message> = Ear<Message>> implements AsyncDisposable {
  readonly #open: OpenWay<Message, E>;
  /** Bounded by the devices of the configuration. */
  readonly #ears = new Set<E>();
  #life: Life<E> | undefined;
  /** The life before has let go: a port opens only once at a time. */
  #gone: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(open: OpenWay<Message, E>) {
    this.#open = open;
  }

  /** Adds a listener; the result takes it out again, and may be called more than once. */
  join(ear: E): () => void {
    this.#ears.add(ear);
    if (this.#closed) void Promise.resolve().then(() => this.#refuse(ear));
    else if (this.#life === undefined) this.#begin();
    else this.#life.way?.joined?.(ear);
    return () => {
      if (!this.#ears.delete(ear)) return;
      if (this.#ears.size === 0) this.#end(this.#life);
      else this.#life?.way?.left?.(ear);
    };
  }

  /** Closes the way; returns when it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#broken(this.#life, new GatewayError("E_DISCONNECTED", "the driver was closed"));
    await this.#gone;
  }

  #refuse(ear: E): void {
    if (!this.#ears.delete(ear)) return;
    ear.failed(new GatewayError("E_DISCONNECTED", "the driver was closed"));
  }

  #begin(): void {
    const life: Life<E> = { ending: new AbortController(), way: undefined };
    this.#life = life;
    const gone = this.#gone;
    const opened = gone.then(() => this.#live(life));
    this.#gone = opened.catch((error: unknown) => this.#broken(life, error));
  }

  /** Returns when the way has been closed again. */
  async #live(life: Life<E>): Promise<void> {
    const { signal } = life.ending;
    if (signal.aborted) return;
    const ended = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const events: WayEvents<Message> = {
      heard: (message) => {
        if (this.#life !== life) return;
        for (const ear of this.#ears) ear.heard(message);
      },
      broken: (error) => this.#broken(life, error),
    };
    const way = await this.#open(events, signal);
    life.way = way;
    if (!signal.aborted) for (const ear of this.#ears) way.joined?.(ear);
    await ended;
    await way.close();
  }

  #broken(life: Life<E> | undefined, error: unknown): void {
    if (life === undefined || this.#life !== life) return;
    const ears = [...this.#ears];
    this.#ears.clear();
    this.#end(life);
    for (const ear of ears) ear.failed(error);
  }

  #end(life: Life<E> | undefined): void {
    if (life === undefined || this.#life !== life) return;
    this.#life = undefined;
    life.ending.abort();
  }
}

/** Audiences by the name of their way, made when first asked for. */
export class Audiences<Message, E extends Ear<Message> = Ear<Message>> implements AsyncDisposable {
  /** Bounded by the ways of the configuration. */
  readonly #named = new Map<string, Audience<Message, E>>();

  of(name: string, open: OpenWay<Message, E>): Audience<Message, E> {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const audience = new Audience(open);
    this.#named.set(name, audience);
    return audience;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#named.values()];
    await Promise.all(all.map((audience) => audience[Symbol.asyncDispose]()));
  }
}
