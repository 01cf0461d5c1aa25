/**
 * Loads a configuration: YAML with positions, profiles by name (built in and the user's own),
 * one validation, then what no single option can see: unknown profiles and buses.
 */
import { readdir } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, resolve } from "node:path";
import type { Complaint, Profile, YamlFile } from "../config/index.ts";
import {
  ComplaintsError,
  nearest,
  readYaml,
  settingsOf,
  v,
  validate,
  whyUnreadable,
} from "../config/index.ts";
import { profiles as builtIn } from "../config/profiles.gen.ts";
import type { DriverKind } from "../drivers/index.ts";
import { drivers } from "../drivers/index.ts";
import { GatewayError, isRecord } from "../telemetry/index.ts";
import { notifyComplaints } from "./notify-complaints.ts";
import type { Config, DeviceOptions } from "./schema.ts";
import { configSchema } from "./schema.ts";
import { topologyComplaints } from "./site-topology.ts";

/** A device of the configuration with what its names stand for. */
export interface ConfiguredDevice {
  readonly id: string;
  readonly common: DeviceOptions;
  readonly kind: DriverKind;
  /** The driver's own options, as they stand in the file. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly profile: Profile | undefined;
  /** The profile file's content, as the driver parses it. */
  readonly profileData: unknown;
}

export interface LoadedConfig {
  readonly file: string;
  readonly config: Config;
  readonly devices: readonly ConfiguredDevice[];
  /** Each top-level key as it stands in the file, to see what has changed. */
  readonly sections: Readonly<Record<string, string>>;
}

/** Profiles as plain data, by id. */
export type Library = ReadonlyMap<string, unknown>;

/**
 * Reads and checks a configuration without touching hardware.
 * @throws E_CONFIG (ComplaintsError), E_CONFIG_UNREADABLE, E_PROFILE
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const file = await readYaml(path);
  const raw = file.data;
  const library = await libraryOf(file);
  const data = withDrivers(raw, library);
  const config = validated(file, data, unknownProfiles(file, raw, library));
  const devices = devicesOf(config, data, library);
  const complaints = devices.flatMap((device) => [...deviceComplaints(file, config, device)]);
  complaints.push(...topologyComplaints(file, config, devices));
  complaints.push(...notifyComplaints(file, config));
  if (complaints.length > 0) throw new ComplaintsError(complaints);
  return { file: resolve(path), config, devices, sections: sectionsOf(raw) };
}

function sectionsOf(raw: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(isRecord(raw) ? raw : {});
  return Object.fromEntries(entries.map(([name, value]) => [name, JSON.stringify(value)]));
}

/** The profiles that a configuration can name: a folder that is not there is its mistake. */
async function libraryOf(file: YamlFile): Promise<Library> {
  const folder = isRecord(file.data) ? file.data["profiles"] : undefined;
  if (typeof folder !== "string") return loadLibrary();
  try {
    return await loadLibrary(profileFolder(file.file, folder));
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== "E_CONFIG_UNREADABLE") throw error;
    throw new ComplaintsError([file.complain(["profiles"], error.message)]);
  }
}

/** The configuration itself; a profile that is not there is one mistake among the others. */
function validated(file: YamlFile, data: unknown, unknown: readonly Complaint[]): Config {
  try {
    const config = validate(configSchema, file, data);
    if (unknown.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ComplaintsError)) throw error;
    // A device without a profile has no driver either, and that is not a mistake of its own.
    const driverless = new Set(unknown.map(({ key }) => key.replace(/profile$/, "driver")));
    const others = error.complaints.filter(({ key }) => !driverless.has(key));
    throw new ComplaintsError([...unknown, ...others]);
  }
  throw new ComplaintsError(unknown);
}

/** The folder that `profiles` of a configuration names, seen from that file. */
export function profileFolder(configFile: string, folder: string): string {
  return isAbsolute(folder) ? folder : join(dirname(configFile), folder);
}

/** Whether a name is one of a profile's file, not of a profile. */
export function isProfileFile(name: string): boolean {
  return [".yaml", ".yml"].includes(extname(name)) && basename(name)[0] !== ".";
}

/** The profiles' files of a folder, in order. @throws E_CONFIG_UNREADABLE */
export async function profileFilesIn(folder: string): Promise<readonly string[]> {
  try {
    const names = await readdir(folder);
    return names.filter(isProfileFile).toSorted();
  } catch (cause) {
    const why = `${folder}: ${whyUnreadable(cause)}`;
    throw new GatewayError("E_CONFIG_UNREADABLE", why, { cause });
  }
}

/**
 * Built-in profiles and those of a folder, which win.
 * @throws E_CONFIG (ComplaintsError) with the mistakes of all its files, E_CONFIG_UNREADABLE
 */
export async function loadLibrary(folder?: string): Promise<Library> {
  const library = new Map<string, unknown>(Object.entries(builtIn));
  if (folder === undefined) return library;
  const complaints: Complaint[] = [];
  const files = new Map<string, string>();
  for (const name of await profileFilesIn(folder)) {
    try {
      const { id, data, file } = await loadProfile(join(folder, name));
      const other = files.get(id);
      if (other !== undefined) complaints.push(file.complain(["id"], `${other} has this id too`));
      files.set(id, name);
      library.set(id, data);
    } catch (error) {
      if (!(error instanceof ComplaintsError)) throw error;
      complaints.push(...error.complaints);
    }
  }
  if (complaints.length > 0) throw new ComplaintsError(complaints);
  return library;
}

export interface LoadedProfile {
  readonly id: string;
  readonly data: unknown;
  readonly file: YamlFile;
}

/** One profile file, held against its driver's form. @throws E_CONFIG, E_CONFIG_UNREADABLE */
export async function loadProfile(path: string): Promise<LoadedProfile> {
  const file = await readYaml(path);
  const { data } = file;
  const driver = isRecord(data) ? data["driver"] : undefined;
  const form = typeof driver === "string" ? drivers[driver]?.profile : undefined;
  if (form === undefined) {
    const known = Object.values(drivers).filter((kind) => kind.profile !== undefined);
    const names = known.map(({ name }) => name).join(", ");
    throw new ComplaintsError([file.complain(["driver"], `must be a driver: ${names}`)]);
  }
  return { id: validate(form, file, data).id, data, file };
}

/** The parsed form of a profile of the library. @throws E_PROFILE_UNKNOWN, E_PROFILE */
export function profileOf(library: Library, id: string): Profile {
  const data = library.get(id);
  if (data === undefined) {
    const near = nearest(id, [...library.keys()]);
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    throw new GatewayError("E_PROFILE_UNKNOWN", `no profile ${id}${hint}`);
  }
  const driver = isRecord(data) ? data["driver"] : undefined;
  const form = typeof driver === "string" ? drivers[driver]?.profile : undefined;
  const result = form === undefined ? undefined : v.safeParse(form, data);
  if (result?.success === true) return result.output;
  const why = result?.issues[0].message ?? `driver ${String(driver)} is unknown`;
  throw new GatewayError("E_PROFILE", `profile ${id}: ${why}`);
}

function devicesIn(raw: unknown): Record<string, unknown> {
  const devices = isRecord(raw) ? raw["devices"] : undefined;
  return isRecord(devices) ? devices : {};
}

function unknownProfiles(file: YamlFile, raw: unknown, library: Library): Complaint[] {
  return Object.entries(devicesIn(raw)).flatMap(([id, device]) => {
    const profile = isRecord(device) ? device["profile"] : undefined;
    if (typeof profile !== "string" || library.has(profile)) return [];
    const near = nearest(profile, [...library.keys()]);
    const hint =
      near === undefined ? "`rackstreet profiles` lists them" : `did you mean "${near}"?`;
    return [file.complain(["devices", id, "profile"], `no profile "${profile}"; ${hint}`)];
  });
}

/** A device with a profile need not name its driver: the profile does. */
function withDrivers(raw: unknown, library: Library): unknown {
  if (!isRecord(raw) || !isRecord(raw["devices"])) return raw;
  const devices: Record<string, unknown> = {};
  for (const [id, device] of Object.entries(raw["devices"])) {
    const profile = isRecord(device) ? library.get(String(device["profile"])) : undefined;
    const driver = isRecord(profile) ? profile["driver"] : undefined;
    devices[id] = isRecord(device) && driver !== undefined ? { driver, ...device } : device;
  }
  return { ...raw, devices };
}

function devicesOf(config: Config, data: unknown, library: Library): ConfiguredDevice[] {
  const raw = devicesIn(data);
  return Object.entries(config.devices).map(([id, common]) => {
    const kind = drivers[common.driver];
    if (kind === undefined) throw new GatewayError("E_BUG", `no driver ${common.driver}`);
    const own = Object.entries(raw[id] ?? {}).filter(([key]) => Object.hasOwn(kind.options, key));
    const { profile } = common;
    return {
      id,
      common,
      kind,
      options: Object.fromEntries(own),
      profile: profile === undefined ? undefined : profileOf(library, profile),
      profileData: profile === undefined ? undefined : library.get(profile),
    };
  });
}

/** Stands in for the address of a simulated device, which is known only once it runs. */
const simulatedAddress = "tcp://127.0.0.1:502";

function* deviceComplaints(
  file: YamlFile,
  config: Config,
  { id, common, kind, options, profile, profileData }: ConfiguredDevice,
): Generator<Complaint> {
  const at = ["devices", id];
  const { bus } = options;
  if (typeof bus === "string" && !Object.hasOwn(config.buses, bus)) {
    const near = nearest(bus, Object.keys(config.buses));
    const hint = near === undefined ? "add it under `buses`" : `did you mean "${near}"?`;
    yield file.complain([...at, "bus"], `no bus "${bus}"; ${hint}`);
  }
  if (profile !== undefined && kind.profile === undefined) {
    yield file.complain([...at, "profile"], `driver ${kind.name} takes no profile`);
  }
  if (profile === undefined && !kind.profileOptional) {
    yield file.complain(at, `needs a profile; \`rackstreet profiles\` lists them`, true);
  }
  yield* settingComplaints(file, [...at, "allow"], { common, profile });
  const elsewhere = common.simulate && bus === undefined ? { address: simulatedAddress } : {};
  for (const problem of kind.problems({ ...options, ...elsewhere }, profileData)) {
    yield file.complain(at, problem, true);
  }
}

/** A setting that the profile does not know can never be set: most likely a slip of the pen. */
function* settingComplaints(
  file: YamlFile,
  at: readonly string[],
  { common, profile }: Pick<ConfiguredDevice, "common" | "profile">,
): Generator<Complaint> {
  const known = settingsOf({ settings: profile?.settings ?? {} }).map(({ name }) => name);
  for (const [index, name] of common.allow.entries()) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const hint =
      near === undefined ? `it has: ${known.join(", ") || "none"}` : `did you mean "${near}"?`;
    yield file.complain([...at, String(index)], `the profile has no setting "${name}"; ${hint}`);
  }
}
