/** Puts a hub together from a configuration: store, alerts, broker, ingest. */
import { join } from "node:path";
import type { Alerts, ExpectedDevice, Notifiers, Transition } from "../alerts/index.ts";
import { CapacityWriter, openAlerts, openNotifiers } from "../alerts/index.ts";
import { openUplink } from "../agent/index.ts";
import type {
  BrokerOptions,
  Enrolment,
  Federation,
  OutsideOptions,
  OutsideSetup,
} from "../broker/index.ts";
import { HubService, openEnrolment } from "../broker/index.ts";
import type { Address } from "../config/index.ts";
import { address, addressText, v } from "../config/index.ts";
import type { Rollups, RollupSetup, Store } from "../store/index.ts";
import { openRollups, openStore } from "../store/index.ts";
import type { DeviceAddress, Disk, Platform, UnnumberedBatch } from "../telemetry/index.ts";
import { GatewayError, topicOf } from "../telemetry/index.ts";
import { keeperWorker, sqliteWorker } from "./assets.ts";
import { alertRequests } from "./alert-requests.ts";
import type { ConfiguredDevice, LoadedConfig } from "./config.ts";
import { openEnrolFolder } from "./enrol-folder.ts";
import { openFolder } from "./folder.ts";
import { openFederation } from "./run-federation.ts";
import { letYoungGenerationGrow, lockFolder, openVitals } from "./platform.ts";
import type { Taken } from "./reload.ts";
import { siteTopology } from "./site-topology.ts";
import { classOf, siteOf } from "./run-agent.ts";

export interface RunningHub extends AsyncDisposable {
  readonly service: HubService;
  readonly alerts: Alerts;
  readonly notifiers: Notifiers;
  readonly store: Store;
  /** Where the agent beside it connects. */
  readonly address: Address | undefined;
  /** The parts of a changed configuration that need no restart, by section. */
  readonly taken: Taken;
}

/** Opens the store, then alerts, then the broker; `notify` hears each transition of an alert. */
export async function runHub(
  loaded: LoadedConfig,
  platform: Platform,
  notify: (transition: Transition) => void,
): Promise<RunningHub> {
  letYoungGenerationGrow();
  const { config } = loaded;
  if (config.hub.ingest === "workers" && Object.keys(config.federation.peers).length > 0) {
    const why = "federation hands on what this hub stores: `hub.ingest: own`, or no `federation`";
    throw new GatewayError("E_CONFIG", `${loaded.file}: ${why}`);
  }
  const site = siteOf(loaded);
  await using parts = new AsyncDisposableStack();
  parts.use(await lockFolder(config.hub.data));
  const disk = await openFolder(config.hub.data);
  const { store, rollups, federation } = await openStored(loaded, { parts, disk }, platform);
  const expected = expectedOf(loaded);
  const notifiers = parts.use(await openNotifiers({ notify: config.notify, disk }, platform));
  // Alerts speak through the broker, which hears of batches first: the knot is tied here.
  let service: HubService | undefined;
  const told = { notify, notifiers, service: () => service };
  const alerts = parts.use(await alertsOf(loaded, { store, disk, ...told }, platform));
  notifiers.start(() => alerts.firing().alerts);
  const capacity = parts.use(openCapacity(loaded, { store, alerts }, platform));
  service = parts.use(
    await HubService.start(
      {
        ...(await brokerOf(loaded, platform, parts)),
        hub: config.hub,
        site,
        store,
        disk,
        observe: (batch) => alerts.observe(batch),
        changed: () => alerts.expect(withLearned(expected, service)),
        requests: alertRequests(alerts),
        rollups: () => rollups.counts,
        capacity: () => capacity?.counts,
        federation,
        keep: { worker: keeperWorker, path: join(config.hub.data, "broker.sqlite") },
        vitals: openVitals(),
      },
      platform,
    ),
  );
  platform.log.info("hub started", { listen: service.addresses.join(" "), store: store.title });
  const kept = parts.move();
  return {
    service,
    alerts,
    notifiers,
    store,
    address: mqttAddress(service.addresses),
    taken: { rules: (next) => alerts.useRules(next.config.rules) },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

interface Around {
  readonly store: Store;
  readonly disk: Disk;
  readonly notify: (transition: Transition) => void;
  readonly notifiers: Notifiers;
  /** Undefined until it is up. */
  readonly service: () => HubService | undefined;
}

/** The alerts of a hub with what is around them. */
async function alertsOf(
  loaded: LoadedConfig,
  { store, disk, notify, notifiers, service }: Around,
  platform: Platform,
): Promise<Alerts> {
  const { rules, hub } = loaded.config;
  return await openAlerts(
    {
      rules,
      expected: expectedOf(loaded),
      hub: { ...siteOf(loaded), class: "hub", device: hub.id },
      store,
      disk,
      publish: (topic, payload, { retain }) =>
        service()?.publish(topic, payload, retain) ??
        Promise.reject(new GatewayError("E_UPLINK", "the broker is not up yet")),
      notify,
      remember: (transitions) => notifiers.remember(transitions),
      topology: siteTopology(loaded),
      gone: (agent) => isGone(agent, service()),
    },
    platform,
  );
}

/** Writes rows of capacity where there is a topology, and a store that can be asked. */
function openCapacity(
  loaded: LoadedConfig,
  { store, alerts }: { readonly store: Store; readonly alerts: Alerts },
  platform: Platform,
): CapacityWriter | undefined {
  const { capacity: options, hub } = loaded.config;
  const topology = siteTopology(loaded);
  if (topology === undefined || !options.write || store.linesOnly === true) return undefined;
  const own = { ...siteOf(loaded), class: "hub", device: hub.id };
  const observe = (batch: UnnumberedBatch): void => alerts.observe(batch);
  return new CapacityWriter({ topology, options, hub: own, store, observe }, platform);
}

interface ChosenBroker {
  readonly broker: BrokerOptions | OutsideSetup;
  readonly enrolment?: Enrolment;
}

interface Stored {
  /** What it takes is rolled up. */
  readonly store: Store;
  readonly rollups: Rollups;
  readonly federation: Federation | undefined;
}

/** The store with its roll-ups, and peers, which have a part in them as they are made. */
async function openStored(
  loaded: LoadedConfig,
  { parts, disk }: { readonly parts: AsyncDisposableStack; readonly disk: Disk },
  platform: Platform,
): Promise<Stored> {
  const { store: options, rollups } = loaded.config;
  const opened = parts.use(await openStore(options, platform, { worker: sqliteWorker }));
  const federation = parts.use(await openFederation(loaded, platform));
  const made: RollupSetup["made"] =
    federation && ((window, rows) => federation.summarized(window, rows));
  const rolled = { store: opened, disk, options: rollups, made };
  const rolling = parts.use(await openRollups(rolled, platform));
  return { store: rolling.store, rollups: rolling, federation };
}

/** The hub's own broker, or a link to the one that is there already. */
async function brokerOf(
  loaded: LoadedConfig,
  platform: Platform,
  parts: AsyncDisposableStack,
): Promise<ChosenBroker> {
  const { broker, hub } = loaded.config;
  const { outside, enroll } = broker;
  if (outside === undefined) {
    if (enroll === undefined) return { broker };
    await using folder = await openEnrolFolder(loaded, platform.clock);
    const { enrolment, tls } = await openEnrolment(folder.setup, platform);
    return { broker: { ...broker, tls }, enrolment: parts.use(enrolment) };
  }
  return { broker: outsideSetup(outside, hub.id, platform) };
}

/** @throws E_SECRET_MISSING */
export function outsideSetup(
  { url, ...options }: OutsideOptions,
  hub: string,
  platform: Platform,
): OutsideSetup {
  options.password?.reveal();
  const connect: OutsideSetup["connect"] = ({ events, ...link }) =>
    openUplink({ url, ...link }, options, { events, platform });
  return { address: addressText(url), hub, connect };
}

/** Devices of the configuration itself: in `up` even one that never answered is expected. */
export function expectedOf(loaded: LoadedConfig): readonly ExpectedDevice[] {
  const site = siteOf(loaded);
  return loaded.devices.flatMap((device) => {
    if (device.profile === undefined) return [];
    const measurements = [...new Set(device.profile.points.map((point) => point.measurement))];
    const { zone, rack } = device.common;
    const place = {
      ...(zone === undefined ? {} : { zone }),
      ...(rack === undefined ? {} : { rack }),
    };
    const address = { ...site, class: classOf(device), device: device.id };
    const agent = loaded.config.agent.id;
    return [{ address, place, measurements, agent, line: lineOf(device) }];
  });
}

/** The bus or address that a device shares with others; simulated ones have one of their own. */
function lineOf({ options, common }: ConfiguredDevice): string | undefined {
  const line = options["bus"] ?? (common.simulate ? undefined : options["address"]);
  return typeof line === "string" ? line : undefined;
}

/** Whether an agent is offline by its own word or its last will; undefined: nobody said yet. */
function isGone(agent: DeviceAddress, service: HubService | undefined): boolean | undefined {
  const state = service?.stateOf(agent);
  return state === undefined ? undefined : state === "offline";
}

/** Devices of the configuration, and those that agents have announced. */
function withLearned(
  expected: readonly ExpectedDevice[],
  service: HubService | undefined,
): readonly ExpectedDevice[] {
  const known = new Set(expected.map(({ address }) => topicOf(address, "meta")));
  const learned = service?.devices ?? [];
  return [...expected, ...learned.filter(({ address }) => !known.has(topicOf(address, "meta")))];
}

function mqttAddress(addresses: readonly string[]): Address | undefined {
  const form = address({ mqtt: 1883 });
  for (const candidate of addresses) {
    const parsed = v.safeParse(form, candidate.replace("0.0.0.0", "127.0.0.1"));
    if (parsed.success) return parsed.output;
  }
  return undefined;
}
