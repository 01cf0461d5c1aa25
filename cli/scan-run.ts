/** Runs a search as the command line asks for it: on a serial line, or on a network. */
import type { LineSetting, NetworkSearch, SerialSearch, SerialState } from "../drivers/index.ts";
import {
  hostsOf,
  modbusProfiles,
  openNetworkWire,
  openSerialWire,
  searchNetwork,
  searchSerial,
  settingName,
  settingsOf,
} from "../drivers/index.ts";
import type { Clock } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import type { Library } from "./config.ts";
import { numbersIn } from "./number-lists.ts";
import type { Progress } from "./progress.ts";
import { ScanState } from "./scan-state.ts";
import type { ScannedDevice } from "./scan-site.ts";
import { shownAge } from "./values.ts";

/** What the command line says, parsed as far as both kinds need it. */
export interface ScanWishes {
  readonly port: string | undefined;
  readonly address: readonly string[];
  readonly baud: string | undefined;
  readonly parity: string | undefined;
  readonly units: string | undefined;
  /** @unit ms */
  readonly timeout: number | undefined;
  readonly function: number;
  readonly expect: number | undefined;
  readonly all: boolean;
  readonly resume: string | undefined;
}

export interface ScanParts {
  readonly library: Library;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What a search gave, whatever it ran on. */
export interface ScanResult {
  readonly devices: readonly ScannedDevice[];
  readonly suspicions: readonly { readonly where: string; readonly what: string }[];
  /** What was done, in sentences. */
  readonly told: readonly string[];
  readonly stopped: boolean;
}

/** Silence after which a serial address counts as free. @unit ms */
const serialTimeout = 150;

/** Silence after which a networked unit counts as free; gateways wait for theirs. @unit ms */
const networkTimeout = 1000;

const parities = ["none", "even", "odd"] as const;
const serialUnits = [1, 247] as const;
const networkUnits = [0, 255] as const;
const bauds = [300, 4_000_000] as const;

/** What every unit is asked: two registers, because some devices refuse half of a 32-bit value. */
function question({ function: code }: ScanWishes) {
  return { table: code === 4 ? "input" : "holding", at: 0, count: 2 } as const;
}

/** @throws E_SERIAL and its kin, E_USAGE */
export async function scanSerial(
  wishes: ScanWishes,
  port: string,
  parts: ScanParts,
): Promise<ScanResult> {
  const { clock, signal, progress } = parts;
  const profiles = modbusProfiles(parts.library);
  const settings = settingsOf(
    {
      bauds: wishes.baud === undefined ? undefined : numbersIn("baud", wishes.baud, bauds),
      parities: wishes.parity === undefined ? undefined : paritiesIn(wishes.parity),
    },
    profiles.map(({ header }) => header),
  );
  const units = numbersIn("units", wishes.units ?? "1-247", serialUnits);
  const { all, expect, resume, timeout = serialTimeout } = wishes;
  const names = settings.map(settingName);
  const search = [port, names.join(", "), units.join(" "), wishes.function, timeout].join("; ");
  const file = resume === undefined ? undefined : await ScanState.open(resume, search, clock);
  let state: SerialState | undefined = await file?.load();
  const keep = async (fresh: () => SerialState): Promise<void> => {
    state = fresh();
    await file?.keep(fresh);
  };
  const begun = clock.monotonic();
  try {
    const found = await searchSerial(
      {
        open: (setting: LineSetting) => openSerialWire(port, setting, clock),
        plan: { settings, units, all, expect },
        timeout,
        ask: question(wishes),
        profiles,
        clock,
        signal,
        progress: ({ phase, at, done, total, found, left }) =>
          progress.show(
            phase === "search"
              ? `${at}: ${done} of ${total} asked, ${found} found, ${shownAge(left)} left`
              : `asking what they are: ${done} of ${total} (${at})`,
          ),
        keep,
      },
      state,
    );
    await file?.finish();
    const took = shownAge(clock.monotonic() - begun);
    const sampled = found.sampled.length === 0 ? [] : [sampledText(found)];
    const told = [`${found.probes} addresses asked at ${names.join(", ")} in ${took}.`, ...sampled];
    return { ...serialResult(found, port, settings), told, stopped: false };
  } catch (error) {
    const lost = error instanceof GatewayError && error.code === "E_DISCONNECTED";
    if (!lost || state === undefined) throw error;
    const known = state;
    await file?.keep(() => known, true);
    const why = signal.aborted ? "Stopped" : `Stopped: ${error.message}`;
    return stoppedResult(known, { port, settings, resume, why });
  }
}

function sampledText({ sampled }: SerialSearch): string {
  return `Only a sample was asked at ${sampled.join(", ")}; --all asks every address there.`;
}

interface Interrupted {
  readonly port: string;
  readonly settings: readonly LineSetting[];
  readonly resume: string | undefined;
  readonly why: string;
}

/** What was known when the search was stopped: who is there, not yet what they are. */
function stoppedResult(
  known: SerialState,
  { port, settings, resume, why }: Interrupted,
): ScanResult {
  const identity = { objects: {}, candidates: [], asked: [] };
  const devices = known.found.map((one) => ({ ...one, identity }));
  const search = { devices, suspicions: known.suspicions, sampled: [], probes: 0 };
  const again =
    resume === undefined
      ? `${why}; give --resume FILE to go on next time.`
      : `${why}; the same command goes on where it was (${resume}).`;
  return { ...serialResult(search, port, settings), told: [again], stopped: true };
}

function serialResult(
  { devices, suspicions }: SerialSearch,
  port: string,
  settings: readonly LineSetting[],
): Pick<ScanResult, "devices" | "suspicions"> {
  return {
    devices: devices.map(({ setting, exception, ...device }) => {
      const line = settings.find((one) => settingName(one) === setting);
      const { baud = 9600, parity = "none" } = line ?? {};
      return {
        ...device,
        exception,
        address: undefined,
        line: { port, baud, parity, setting },
      };
    }),
    suspicions: suspicions.map(({ setting, what }) => ({ where: setting, what })),
  };
}

/** @throws E_USAGE, E_DISCONNECTED when it is stopped */
export async function scanNetwork(wishes: ScanWishes, parts: ScanParts): Promise<ScanResult> {
  const { clock, signal, progress } = parts;
  const hosts = hostsOf(wishes.address);
  const { units, timeout = networkTimeout } = wishes;
  const begun = clock.monotonic();
  const found = await searchNetwork({
    hosts,
    connect: (address, signal) => openNetworkWire(address, clock, signal),
    units: units === undefined ? undefined : numbersIn("units", units, networkUnits),
    timeout,
    ask: question(wishes),
    profiles: modbusProfiles(parts.library),
    clock,
    signal,
    progress: ({ at, done, total, found }) =>
      progress.show(`${done} of ${total} hosts asked, ${found} devices found (${at})`),
  });
  const took = shownAge(clock.monotonic() - begun);
  const closed = found.closed === 0 ? "" : `, ${found.closed} of them closed`;
  const told = [`${hosts.length} hosts asked in ${took}${closed}.`];
  return { ...networkResult(found), told, stopped: false };
}

function networkResult({ hosts }: NetworkSearch): Pick<ScanResult, "devices" | "suspicions"> {
  return {
    devices: hosts.flatMap(({ address, devices }) =>
      devices.map(({ exception, ...device }) => {
        return { ...device, exception, address, line: undefined };
      }),
    ),
    suspicions: hosts.flatMap(({ address, suspicions, kind, devices }) => [
      ...suspicions.map(({ what }) => ({ where: address, what })),
      ...(kind === "mute" && devices.length === 0 && suspicions.length === 0
        ? [{ where: address, what: "listens, but no unit answered; give --units" }]
        : []),
    ]),
  };
}

function paritiesIn(text: string): (typeof parities)[number][] {
  return text.split(",").map((word) => {
    const parity = parities.find((one) => one === word.trim());
    if (parity !== undefined) return parity;
    throw new GatewayError("E_USAGE", `--parity ${text}: write some of ${parities.join(",")}`);
  });
}
