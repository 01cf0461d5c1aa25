/**
 * A process that does nothing but store: a client of a broker that hears its share of what agents
 * publish, writes it, and reports it stored. It keeps no state about agents or devices; a worker
 * that dies costs nothing but the time until what it had not stored comes again.
 */
import type { Disk, Platform, Point, Site, Timer } from "../telemetry/index.ts";
import { linesOf, parseTopic } from "../telemetry/index.ts";
import type { RollupCounts, Store } from "../store/index.ts";
import { AsideFile } from "./aside.ts";
import type { Hub } from "./contract.ts";
import type { HubVitals } from "./hub-health.ts";
import { healthPoint } from "./hub-health.ts";
import type { IngestCounts } from "./ingest.ts";
import { Ingest } from "./ingest.ts";
import type { OutsideSetup } from "./outside.ts";
import { openOutside } from "./outside.ts";

export interface IngestWorkerSetup {
  readonly broker: OutsideSetup;
  readonly site: Site;
  /** Its own name, as a device of class `hub`. */
  readonly name: string;
  readonly store: Store;
  readonly disk: Disk;
  /** How often it reports on itself. @unit ms */
  readonly health: number;
  readonly rollups: () => RollupCounts;
  readonly vitals: () => HubVitals;
}

export class IngestWorker implements AsyncDisposable {
  readonly #setup: IngestWorkerSetup;
  readonly #platform: Platform;
  readonly #aside: AsideFile;
  readonly #ingest: Ingest;
  readonly #hub: Hub;
  #timer: Timer | undefined;

  constructor(setup: IngestWorkerSetup, platform: Platform) {
    this.#setup = setup;
    this.#platform = platform;
    this.#aside = new AsideFile(setup.disk, platform);
    this.#ingest = new Ingest(
      {
        store: setup.store,
        publish: (topic, payload) => this.#hub.publish(topic, payload),
        setAside: (entry) => this.#aside.add(entry),
        observe: () => undefined,
        region: setup.site.region,
      },
      platform,
    );
    const hooks = {
      site: setup.site,
      room: () => this.#ingest.room(),
      message: (topic: string, payload: Uint8Array): void => {
        const parsed = parseTopic(topic);
        if (parsed !== undefined && payload.length > 0)
          this.#ingest.take(topic, parsed, { payload });
      },
    };
    this.#hub = openOutside(setup.broker, hooks, platform);
    this.#schedule();
  }

  get counts(): IngestCounts {
    return this.#ingest.counts;
  }

  /** Its row of `hub_health`. */
  get health(): Point {
    return healthPoint({
      ingest: this.#ingest.counts,
      redisUp: undefined,
      connections: this.#hub.counters.connections,
      denied: 0,
      undescribed: 0,
      rollups: this.#setup.rollups(),
      capacity: undefined,
      vitals: this.#setup.vitals(),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#hub[Symbol.asyncDispose]();
    await this.#ingest[Symbol.asyncDispose]();
    await this.#aside[Symbol.asyncDispose]();
  }

  #schedule(): void {
    this.#timer = this.#platform.clock.after(this.#setup.health, () => {
      this.#schedule();
      if (this.#ingest.counts.storeUp) this.#report();
    });
  }

  #report(): void {
    const { site, name, store } = this.#setup;
    const lines = linesOf({
      kind: "telemetry",
      address: { ...site, class: "hub", device: name },
      place: {},
      time: this.#platform.clock.now(),
      points: [this.health],
      faults: [],
    });
    // What it says of itself may be lost: it is no reading.
    store.write(lines, AbortSignal.timeout(10_000)).catch(() => undefined);
  }
}
