/**
 * Shows an agent's devices at a context broker (ETSI GS CIM 009 clause 5.6.8, Batch Entity Create
 * or Update): each as the entities of the Smart Data Models, upserted in rounds with a rest
 * between them. The newest state alone waits for a broker that is slow or away: a history belongs
 * to the store.
 *
 * Bounds: `Waiting`; one request at a time; `maxReasons` reasons told apart.
 */
import type { DeviceAddress, Entity, Platform, ShownState, Timer } from "../../telemetry/index.ts";
import type { UnnumberedBatch } from "../../telemetry/index.ts";
import { deviceEntity, entitiesOf, GatewayError, messageOf } from "../../telemetry/index.ts";
import { mostOfDevice, retryDelay, writtenEntity } from "../../telemetry/index.ts";
import type { DeviceAnswer, DeviceRequest } from "../../drivers/index.ts";
import type { Described, LinkState } from "../devices.ts";
import type { Facade } from "../facade.ts";
import type { Refusal } from "./answer.ts";
import { verdictOf } from "./answer.ts";
import type { NgsiLdOptions } from "./options.ts";
import { Waiting } from "./waiting.ts";

const path = "/ngsi-ld/v1/entityOperations/upsert?options=update";

/** Longest answer: the ids of a batch, each with an error. @unit bytes */
const longestAnswer = 4 * 1024 * 1024;

const retry = { first: 1000, longest: 60_000 };

/** An entity that was refused is tried again after so long. @unit ms */
const asideFor = 600_000;

/** Reasons of refusals that are told apart, logged once each. */
const maxReasons = 100;

/** What asks the broker; an HTTP client with its certificates. */
export interface BrokerClient extends Disposable {
  ask(request: DeviceRequest, signal: AbortSignal): Promise<DeviceAnswer>;
}

export interface NgsiLdSetup {
  readonly options: Pick<NgsiLdOptions, "tenant" | "headers" | "context" | "every" | "batch">;
  readonly devices: readonly Described[];
  readonly client: BrokerClient;
}

export class NgsiLd implements Facade {
  readonly name = "ngsi-ld";
  readonly #setup: NgsiLdSetup;
  readonly #platform: Platform;
  readonly #devices: ReadonlyMap<string, Described>;
  readonly #states = new Map<string, ShownState>();
  readonly #waiting = new Waiting();
  /** Entities that were refused, and until when they are not tried; none but those known. */
  readonly #aside = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #closed = new AbortController();
  #timer: Timer | undefined;
  #busy = false;
  #failures = 0;
  #sent = 0;

  constructor(setup: NgsiLdSetup, platform: Platform) {
    this.#setup = setup;
    this.#platform = platform;
    this.#devices = new Map(setup.devices.map((device) => [device.address.device, device]));
  }

  /** Entities that the broker took, that wait, that are set aside, and left out by the bounds. */
  get counts() {
    const { size, left } = this.#waiting;
    return { sent: this.#sent, waiting: size, aside: this.#aside.size, left };
  }

  /** How often entities were refused, by what the broker said. */
  get refused(): ReadonlyMap<string, number> {
    return this.#reasons;
  }

  batch({ address, place, points, time }: UnnumberedBatch): void {
    const device = this.#devices.get(address.device);
    if (device === undefined || address.class === "agent") return;
    const state = this.#states.get(address.device);
    // One more than may be, so that it shows that there are more.
    const most = mostOfDevice + 1;
    this.#put(address, entitiesOf({ ...device, place, state }, { points, time }, most));
  }

  turned(address: DeviceAddress, state: LinkState, reason: string): void {
    const device = this.#devices.get(address.device);
    if (device === undefined) return;
    const told = { state, reason, since: this.#platform.clock.now() };
    this.#states.set(address.device, told);
    this.#put(address, [deviceEntity({ ...device, state: told })]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    this.#timer?.cancel();
    this.#setup.client[Symbol.dispose]();
    return Promise.resolve();
  }

  #put({ device }: DeviceAddress, entities: readonly Entity[]): void {
    this.#waiting.put(
      device,
      entities.filter(({ id }) => !this.#isAside(id)),
    );
    if (!this.#busy && this.#timer === undefined) void this.#round();
  }

  #isAside(id: string): boolean {
    const until = this.#aside.get(id);
    if (until === undefined) return false;
    if (until > this.#platform.clock.monotonic()) return true;
    this.#aside.delete(id);
    return false;
  }

  /** Tells what waits now, then rests; what comes meanwhile is of the next round. */
  async #round(): Promise<void> {
    this.#timer = undefined;
    this.#busy = true;
    let left = this.#waiting.size;
    let rest = this.#setup.options.every;
    while (left > 0 && !this.#closed.signal.aborted) {
      const entities = this.#waiting.take(Math.min(left, this.#setup.options.batch));
      if (entities.length === 0) break;
      left -= entities.length;
      const wait = await this.#deliver(entities);
      if (wait === undefined) continue;
      rest = wait;
      break;
    }
    this.#busy = false;
    if (this.#closed.signal.aborted) return;
    this.#timer = this.#platform.clock.after(rest, () => {
      this.#timer = undefined;
      if (this.#waiting.size > 0) void this.#round();
    });
  }

  /** @returns how long to wait before the next attempt, where the broker took nothing */
  async #deliver(entities: readonly Entity[]): Promise<number | undefined> {
    const said = await this.#ask(entities);
    if (said.is === "later") return this.#failed(entities, said);
    this.#recovered();
    if (said.is === "taken") {
      this.#sent += entities.length;
      for (const entity of entities) this.#judge(entity, said.refused.get(entity.id));
      return undefined;
    }
    const [only, second] = entities;
    if (only === undefined) return undefined;
    if (second === undefined) {
      this.#setAside(only, said.why);
      return undefined;
    }
    // One of them is what the broker does not take: halves find it, and the others go through.
    const middle = Math.ceil(entities.length / 2);
    const wait = await this.#deliver(entities.slice(0, middle));
    if (wait === undefined) return this.#deliver(entities.slice(middle));
    this.#waiting.putBack(entities.slice(middle));
    return wait;
  }

  async #ask(entities: readonly Entity[]) {
    try {
      const answer = await this.#setup.client.ask(this.#requestOf(entities), this.#closed.signal);
      return verdictOf(answer);
    } catch (error) {
      const code = error instanceof GatewayError ? error.code : undefined;
      return { is: "later", why: messageOf(error), askedMs: 0, code } as const;
    }
  }

  #requestOf(entities: readonly Entity[]): DeviceRequest {
    const { tenant, headers, context } = this.#setup.options;
    const form = context === undefined ? "full" : "short";
    const more = Object.entries(headers).map(([name, value]) => [name, value.reveal()]);
    return {
      method: "POST",
      path,
      limit: longestAnswer,
      headers: {
        ...Object.fromEntries(more),
        "content-type": "application/json",
        accept: "application/json",
        ...(tenant === undefined ? {} : { "ngsild-tenant": tenant }),
        ...(context === undefined ? {} : { link: linkOf(context) }),
      },
      body: JSON.stringify(entities.map((entity) => writtenEntity(entity, form))),
    };
  }

  #judge(entity: Entity, refusal: Refusal | undefined): void {
    if (refusal === undefined) return;
    this.#sent -= 1;
    if (refusal.passing) this.#waiting.putBack([entity]);
    else this.#setAside(entity, refusal.why);
  }

  #setAside({ id, type }: Entity, why: string): void {
    this.#aside.set(id, this.#platform.clock.monotonic() + asideFor);
    const reason = this.#reasons.has(why) || this.#reasons.size < maxReasons ? why : "other";
    const count = (this.#reasons.get(reason) ?? 0) + 1;
    this.#reasons.set(reason, count);
    const fields = { facade: this.name, entity: id, type, why };
    if (count === 1) this.#platform.log.warn("entity refused", fields);
  }

  #failed(
    entities: readonly Entity[],
    {
      why,
      askedMs,
      code = "E_UPLINK",
    }: { why: string; askedMs: number; code?: string | undefined },
  ): number {
    this.#waiting.putBack(entities);
    this.#failures += 1;
    const fields = { code, facade: this.name, why };
    if (this.#failures === 1 && !this.#closed.signal.aborted) {
      this.#platform.log.warn("context broker lost", fields);
    }
    return retryDelay(retry, this.#failures, this.#platform.entropy, askedMs);
  }

  #recovered(): void {
    if (this.#failures === 0) return;
    this.#platform.log.info("context broker found", { failures: this.#failures });
    this.#failures = 0;
  }
}

/** RFC 8288 §3, as clause 6.3.5 has it. */
function linkOf(context: string): string {
  return `<${context}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"`;
}
