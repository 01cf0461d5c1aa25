/**
 * The hub of a voyage, in a process that can die: alerts, and behind them ingest alone or the
 * whole service with its broker, as the wire asks.
 */
import type { Alerts, Transition } from "../../alerts/index.ts";
import { openAlerts, rulesOptions } from "../../alerts/index.ts";
import type { IngestCounts, IngestLimits } from "../../broker/index.ts";
import { brokerOptions, HubService, Ingest } from "../../broker/index.ts";
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import type { Disk, Platform, Site, UnnumberedBatch } from "../../telemetry/index.ts";
import { parseTopic } from "../../telemetry/index.ts";
import { BrokerWire } from "./broker.ts";
import type { Chance } from "./chance.ts";
import type { Platter } from "./disk.ts";
import { openDisk } from "./disk.ts";
import type { SimProcess } from "./process.ts";
import type { Rows } from "./store.ts";
import { simStore } from "./store.ts";
import type { SimWire } from "./wire.ts";

/** Values only grow: each device passes this once, and for good. */
export const limit = 100;

/** So small that a store that is down for a while fills it. */
export const ingestLimits: IngestLimits = { write: 20, comfortable: 40, most: 80 };

const rules = v.parse(rulesOptions, {
  passed: {
    about: "The device has passed the limit.",
    severity: "info",
    measurement: "energy_meter",
    field: "active_power_w",
    above: limit,
  },
});

export interface HubParts {
  readonly process: SimProcess;
  readonly platform: Platform;
  readonly chance: Chance;
  readonly site: Site;
  readonly rows: Rows;
  readonly limits: IngestLimits;
  readonly wire: SimWire | BrokerWire;
  /** What alerts remember over deaths. */
  readonly platter: Platter;
  readonly notify: (transition: Transition) => void;
  /** Sees each live batch in the order in which it arrives. */
  readonly seen: (batch: UnnumberedBatch) => void;
  readonly setAside: (reason: string) => void;
}

export interface SimHub extends AsyncDisposable {
  readonly alerts: Alerts;
  readonly counts: () => IngestCounts;
}

/** Starts it and connects it to the wire. */
export async function startHub(parts: HubParts): Promise<SimHub> {
  const { process, platform, chance, rows, site } = parts;
  const store = simStore(rows, process, chance);
  const disk = await openDisk(parts.platter, { process, chance });
  const alerts = await openAlerts(
    {
      rules,
      expected: [],
      hub: { ...site, class: "hub", device: "hub" },
      store,
      disk,
      publish: () => Promise.resolve(),
      notify: (transition) => {
        if (!process.dead) parts.notify(transition);
      },
    },
    platform,
  );
  const observe = (batch: UnnumberedBatch): void => {
    if (process.dead) return;
    // What the hub says of itself is no reading of a device.
    if (batch.address.class !== "hub") parts.seen(batch);
    alerts.observe(batch);
  };
  const open = parts.wire instanceof BrokerWire ? withBroker : alone;
  const { counts, dispose } = await open(parts, { store, disk, observe });
  return { alerts, counts, [Symbol.asyncDispose]: dispose };
}

interface Behind {
  readonly store: Store;
  readonly disk: Disk;
  readonly observe: (batch: UnnumberedBatch) => void;
}

interface Opened {
  readonly counts: () => IngestCounts;
  readonly dispose: () => Promise<void>;
}

async function withBroker(parts: HubParts, behind: Behind): Promise<Opened> {
  const { wire, process, site } = parts;
  const service = await HubService.start(
    {
      ...behind,
      broker: { ...v.parse(brokerOptions, {}), listen: [] },
      hub: { id: "hub", data: "", health: 10_000, ingest: "own" },
      site,
      changed: () => undefined,
      ingest: parts.limits,
      vitals: () => ({ rss: 0, loopDelay: 0 }),
    },
    parts.platform,
  );
  if (wire instanceof BrokerWire && !process.dead) {
    wire.hub = { process, accept: (stream, remote) => service.accept(stream, remote) };
  }
  return { counts: () => service.counts, dispose: () => service[Symbol.asyncDispose]() };
}

function alone(parts: HubParts, { store, observe }: Behind): Opened {
  const { wire, process } = parts;
  const ingest = new Ingest(
    {
      store,
      publish: (topic, payload) => {
        if (!process.dead && !(wire instanceof BrokerWire)) wire.tell(topic, payload);
        return Promise.resolve();
      },
      setAside: ({ reason }) => {
        parts.setAside(reason);
        return Promise.resolve();
      },
      observe,
      limits: parts.limits,
    },
    parts.platform,
  );
  if (!(wire instanceof BrokerWire) && !process.dead) {
    wire.hub = {
      process,
      take: ({ topic, payload }) => {
        const parsed = parseTopic(topic);
        if (parsed !== undefined) ingest.take(topic, parsed, { payload: Buffer.from(payload) });
      },
    };
  }
  return { counts: () => ingest.counts, dispose: () => ingest[Symbol.asyncDispose]() };
}
