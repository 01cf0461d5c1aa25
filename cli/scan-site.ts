/**
 * A configuration that runs, from what a search found: buses, devices with names of their own, and
 * comments for all that a person should know or decide.
 */
import type { Identity } from "../drivers/index.ts";
import { isRecord } from "../telemetry/index.ts";

/** One device that was found. */
export interface ScannedDevice {
  readonly unit: number;
  /** Where: a serial line at one setting, or an address. */
  readonly line: LinePlace | undefined;
  readonly address: string | undefined;
  /** @unit ms */
  readonly after: number;
  readonly exception: number | undefined;
  readonly notes: readonly string[];
  readonly identity: Identity;
}

export interface LinePlace {
  readonly port: string;
  readonly baud: number;
  readonly parity: string;
  /** `9600 8N1`. */
  readonly setting: string;
}

/** A device with its name; `profile` only where it is sure enough to be read. */
export interface NamedDevice extends ScannedDevice {
  readonly name: string;
  readonly profile: string | undefined;
}

/** Longest name of a device. */
const longestName = 64;

/** Slower devices get a timeout of their own, four times what they took. @unit ms */
const slow = 250;

/** Lines of what an unknown device answered. */
const mostAnswers = 6;

/** Names that are unique, and say what and where. */
export function namedDevices(
  devices: readonly ScannedDevice[],
  library: ReadonlyMap<string, unknown>,
): NamedDevice[] {
  const taken = new Set<string>();
  return devices.map((device) => {
    const [best] = device.identity.candidates;
    const profile = best?.certainty === "possible" ? undefined : best?.profile;
    const kind = profile === undefined ? "unknown" : withoutVendor(profile, library);
    const host = device.address?.replace(/^.*:\/\/\[?|\]?:\d+$/g, "");
    const place = [kind, host, String(device.unit)].filter((part) => part !== undefined);
    const wish = place
      .join("-")
      .toLowerCase()
      .replaceAll(/[^a-z0-9_]+/g, "-");
    const name = unique(wish, taken);
    taken.add(name);
    return { ...device, name, profile };
  });
}

/** `carlo-gavazzi-em340` → `em340`. */
function withoutVendor(profile: string, library: ReadonlyMap<string, unknown>): string {
  const data = library.get(profile);
  const vendor = isRecord(data) ? slug(String(data["vendor"])) : "";
  const start = profile.startsWith(`${vendor}-`) ? `${vendor}-` : /^[a-z0-9]+-|/.exec(profile)?.[0];
  return profile.slice(start?.length ?? 0);
}

function slug(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9_]+/g, "-");
}

function unique(wish: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    const suffix = number === 1 ? "" : `-${number}`;
    const name = `${wish.slice(0, longestName - suffix.length)}${suffix}`;
    if (!taken.has(name)) return name;
  }
}

/** The lines of the setting that most devices have: a bus has one. */
export function busSetting(devices: readonly NamedDevice[]): LinePlace | undefined {
  const counts = new Map<string, { readonly line: LinePlace; count: number }>();
  for (const { line } of devices) {
    if (line === undefined) continue;
    const entry = counts.get(line.setting) ?? { line, count: 0 };
    entry.count += 1;
    counts.set(line.setting, entry);
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count)[0]?.line;
}

/** The file's text. `head` stands on top, line by line. */
export function siteYaml(devices: readonly NamedDevice[], head: readonly string[]): string {
  const bus = busSetting(devices);
  const entries = devices.map((device) => deviceLines(device, bus));
  const active = entries.some(({ active }) => active);
  return [
    ...head.map(comment),
    "",
    ...(bus === undefined ? [] : busLines(bus)),
    active ? "devices:" : "devices: {}",
    ...entries.flatMap(({ lines }) => lines),
    "",
  ].join("\n");
}

function busLines({ port, baud, parity }: LinePlace): string[] {
  return [
    "buses:",
    "  rs485:",
    `    port: ${scalar(port)}`,
    `    baud: ${baud}`,
    `    parity: ${parity}`,
    "",
  ];
}

function deviceLines(
  device: NamedDevice,
  bus: LinePlace | undefined,
): { readonly lines: readonly string[]; readonly active: boolean } {
  const { name, profile, unit, address, after, line } = device;
  const elsewhere = line !== undefined && line.setting !== bus?.setting;
  const active = profile !== undefined && !elsewhere;
  const notes = [...notesOf(device)];
  if (elsewhere) {
    notes.push(
      `It speaks ${line.setting}, most others ${bus?.setting}: a bus has one setting. Set it to ` +
        "theirs, then take the # away.",
    );
  }
  const where = address === undefined ? ["bus: rs485"] : [`address: ${scalar(address)}`];
  const timeout = after > slow ? [`timeout: ${Math.max(2, Math.ceil(after / 250))}s`] : [];
  const keys = [`profile: ${profile ?? "WHICH"}`, ...where, `unit: ${unit}`, ...timeout];
  const yaml = [`  ${name}:`, ...keys.map((key) => `    ${key}`)];
  const entry = active ? yaml : yaml.map((text) => `  # ${text.slice(2)}`);
  return { lines: [...notes.map((note) => `  ${comment(note)}`), ...entry], active };
}

/** What a person should know before the device is read. */
function* notesOf({ unit, exception, notes, identity, profile, after }: NamedDevice) {
  const [best, ...others] = identity.candidates;
  const took = `answered after ${Math.round(after)} ms`;
  if (profile !== undefined && best !== undefined) {
    yield `${best.certainty}: ${best.evidence.join("; ")}; ${took}.`;
  } else if (best !== undefined) {
    yield `Unit ${unit} may be a ${best.profile} (${best.evidence.join("; ")}); ${took}.`;
  } else {
    yield `Unit ${unit} fits no profile; ${took}. \`rackstreet profiles\` lists what there is.`;
  }
  for (const doubt of best?.doubts ?? []) yield `Against it: ${doubt}.`;
  if (others.length > 0) yield `Or: ${others.map((one) => one.profile).join(", ")}.`;
  const texts = Object.values(identity.objects);
  if (texts.length > 0) yield `It calls itself ${texts.join(", ")}.`;
  for (const note of notes) yield `${note.slice(0, 1).toUpperCase()}${note.slice(1)}.`;
  if (profile !== undefined) return;
  if (exception !== undefined)
    yield `It refused what every unit was asked: exception ${exception}.`;
  for (const { at, gave } of identity.asked.slice(0, mostAnswers)) yield `  ${at}: ${gave}`;
}

/** A comment is one line, whatever a device calls itself. */
function comment(text: string): string {
  return `# ${text.replaceAll(/[^\x20-\x7e\u00a0-\uffff]+/g, " ")}`;
}

function scalar(text: string): string {
  return /^[\w/][\w./:+-]*$/.test(text) && !text.endsWith(":") ? text : JSON.stringify(text);
}
