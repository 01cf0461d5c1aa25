/** Puts an agent together from a configuration: drivers, sessions, spool, link. */
import { join } from "node:path";
import type { AgentDevice, AgentOptions } from "../agent/index.ts";
import { Agent, Memories, openUplink } from "../agent/index.ts";
import type { Address } from "../config/index.ts";
import { addressText } from "../config/index.ts";
import type { Driver, Memory } from "../drivers/index.ts";
import type { Platform, Site } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import { busLoads, trouble } from "./bus-load.ts";
import type { ConfiguredDevice, LoadedConfig } from "./config.ts";
import { openFolder } from "./folder.ts";
import { isEnrolled, openEnrolledUplink } from "./enrolled-uplink.ts";
import { lockFolder, openVitals } from "./platform.ts";
import type { LinedFiles } from "./profile-lines.ts";
import { lineTeller, readLinedFiles } from "./profile-lines.ts";
import { openFacades } from "./run-facades.ts";

export interface RunningAgent extends AsyncDisposable {
  readonly agent: Agent;
}

export function siteOf({ config }: LoadedConfig): Site {
  const { region, org, name } = config.site;
  return { region, org, site: name };
}

/** The class a device gets when neither it nor a profile says one. */
const defaultClass: Readonly<Record<string, string>> = { host: "server", sim: "power" };

/** The sixth level of a device's topics. */
export function classOf({ common, profile, kind }: ConfiguredDevice): string {
  return common.class ?? profile?.class ?? defaultClass[kind.name] ?? "terminal";
}

/** How often a device is read. @unit ms */
export function intervalOf({ common, profile }: ConfiguredDevice, options: AgentOptions): number {
  return common.interval ?? profile?.interval ?? options.interval;
}

/**
 * Opens every driver and device and starts the agent. `hubAddress` serves where no uplink is
 * configured.
 */
export async function runAgent(
  loaded: LoadedConfig,
  platform: Platform,
  hubAddress?: Address,
): Promise<RunningAgent> {
  const { agent: options, buses } = loaded.config;
  const url = options.uplink.url ?? hubAddress;
  if (url === undefined) {
    const why =
      `${loaded.file}: agent.uplink.url is missing; it says where the hub is, ` +
      "as in mqtts://hub.example.org:8883 (`rackstreet up` brings its own hub)";
    throw new GatewayError("E_CONFIG", why);
  }
  // Asked for once at the start: the link itself would try again for as long as it is missing.
  options.uplink.password?.reveal();
  await using parts = new AsyncDisposableStack();
  parts.use(await lockFolder(options.data));
  const disk = await openFolder(join(options.data, "spool"));
  const folder = await openFolder(options.data);
  const enrolled = await isEnrolled(options, folder, url);
  const memories = await Memories.open(folder, platform.log);
  const site = siteOf(loaded);
  const drivers = new Map<string, Driver>();
  const devices: AgentDevice[] = [];
  const files = await readLinedFiles(loaded);
  for (const device of loaded.devices) {
    const driver = drivers.get(device.kind.name) ?? device.kind.create({ ...platform, buses });
    if (!drivers.has(device.kind.name)) drivers.set(device.kind.name, parts.use(driver));
    const openWith = { driver, memory: memories.of(device.id) };
    devices.push(await openDevice(device, openWith, { loaded, files }));
  }
  const facades = await openFacades(loaded, devices, platform);
  for (const facade of facades) parts.use(facade);
  const agent = await Agent.start(
    {
      options,
      site,
      devices,
      disk,
      memories,
      facades,
      vitals: openVitals(),
      connect: ({ events, ...link }) => {
        const target = { url, orderly: true, ...link };
        if (!enrolled) return openUplink(target, options.uplink, { events, platform });
        return openEnrolledUplink(target, { options, site, folder, events }, platform);
      },
    },
    platform,
  );
  parts.use(agent);
  const polled = devices.map((device) => ({ ...device, id: device.address.device }));
  for (const bus of busLoads(polled)) {
    const why = trouble(bus);
    if (why !== undefined) platform.log.warn("bus crowded", { bus: bus.key, why });
  }
  platform.log.info("agent started", { devices: devices.length, uplink: addressText(url) });
  const kept = parts.move();
  return { agent, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function openDevice(
  device: ConfiguredDevice,
  { driver, memory }: { readonly driver: Driver; readonly memory: Memory },
  { loaded, files }: { readonly loaded: LoadedConfig; readonly files: LinedFiles },
): Promise<AgentDevice> {
  const { id, common, kind, profile } = device;
  const target = { id, options: device.options, profile: device.profileData, memory };
  const session = await driver.open(target);
  // What is read most often says when a device has fallen silent.
  const asked = intervalOf(device, loaded.config.agent);
  const paces = session.groups.map(({ every }) => Math.max(asked, every ?? 0));
  return {
    address: { ...siteOf(loaded), class: classOf(device), device: id },
    place: {
      ...(common.zone === undefined ? {} : { zone: common.zone }),
      ...(common.rack === undefined ? {} : { rack: common.rack }),
    },
    location: common.location ?? loaded.config.site.location,
    driver: kind.name,
    profile: profile?.id,
    vendor: profile?.vendor,
    model: profile?.model,
    documents: profile?.sources,
    caveats: profile?.caveats,
    lineOf: lineTeller(device, files),
    interval: paces.length === 0 ? asked : Math.min(...paces),
    settings: session.actuator?.settings.filter(({ name }) => common.allow.includes(name)),
    busKey: driver.busKey(target),
    width: driver.width?.(target) ?? 1,
    session,
  };
}
