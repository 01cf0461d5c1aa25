/** The hub of a voyage: ingest and alerts over a wire, in a process that can die. */
import type { Alerts, Transition } from "../../alerts/index.ts";
import { openAlerts, rulesOptions } from "../../alerts/index.ts";
import { Ingest } from "../../broker/index.ts";
import { v } from "../../config/index.ts";
import type { Platform } from "../../telemetry/index.ts";
import { parseTopic } from "../../telemetry/index.ts";
import type { Chance } from "./chance.ts";
import type { Platter } from "./disk.ts";
import { SimDisk } from "./disk.ts";
import type { SimProcess } from "./process.ts";
import type { Rows } from "./store.ts";
import { simStore } from "./store.ts";
import type { SimWire } from "./wire.ts";

/** Values only grow: each device passes this once, and for good. */
const limit = 100;

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
  readonly rows: Rows;
  readonly wire: SimWire;
  /** What alerts remember over deaths. */
  readonly platter: Platter;
  readonly notify: (transition: Transition) => void;
  readonly broken: (what: string) => void;
}

/** Starts it and connects it to the wire; alerts judge once what they remember has been read. */
export function startHub(parts: HubParts): { readonly alerts: () => Alerts | undefined } {
  const { process, platform, chance, rows, wire } = parts;
  const store = simStore(rows, process, chance);
  let alerts: Alerts | undefined;
  const opening = openAlerts(
    {
      rules,
      expected: [],
      hub: { region: "local", org: "main", site: "sea", class: "hub", device: "hub" },
      store,
      disk: new SimDisk(parts.platter, process, chance),
      publish: () => Promise.resolve(),
      notify: (transition) => {
        if (!process.dead) parts.notify(transition);
      },
    },
    platform,
  );
  process.guard(opening).then(
    (opened) => {
      alerts = opened;
    },
    (error: unknown) => parts.broken(`alerts did not open: ${String(error)}`),
  );
  const ingest = new Ingest(
    {
      store,
      publish: (topic, payload) => {
        if (!process.dead) wire.tell(topic, payload);
        return Promise.resolve();
      },
      setAside: ({ reason }) => parts.broken(`set aside: ${reason}`),
      observe: (batch) => alerts?.observe(batch),
    },
    platform,
  );
  wire.hub = ({ topic, payload }) => {
    const parsed = parseTopic(topic);
    if (parsed !== undefined && !process.dead) ingest.take(topic, parsed, Buffer.from(payload));
  };
  return { alerts: () => alerts };
}
