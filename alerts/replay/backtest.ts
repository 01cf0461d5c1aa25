/**
 * Backtest: stored history through the engine of the hub, at its own times. What it cannot know:
 * rows that came late were not judged when they were live, but are judged here; silence is counted
 * from the time of a row, not of its arrival; the store knows no class of a device, so that it is
 * the configuration's or none. Devices that the configuration does not name are expected from the
 * first second on in which they sent. Stored rules ask the store as of their time.
 * Memory: the last rows of a scan, the engine's groups, and episodes up to `maxEpisodes`.
 */
import type { DeviceAddress, Line, Log, Tags } from "../../telemetry/index.ts";
import { measurementEntry } from "../../telemetry/index.ts";
import type { Store } from "../../store/index.ts";
import type { ExpectedDevice } from "../engine.ts";
import type { Origin } from "../groups.ts";
import { identityOf } from "../groups.ts";
import type { Rule } from "../rule.ts";
import type { Transition } from "../transition.ts";
import type { Episode, RuleFacts } from "./episodes.ts";
import { Episodes } from "./episodes.ts";
import type { Asked, Stretch } from "./history.ts";
import { historyOf } from "./history.ts";
import type { AlarmLoad, Flapping } from "./load.ts";
import { alarmLoad, flappingOf } from "./load.ts";
import { Replay } from "./replay.ts";

export interface BacktestSetup {
  readonly rules: Readonly<Record<string, Rule>>;
  /** Devices of the configuration: expected from the beginning, and the classes of devices. */
  readonly expected: readonly ExpectedDevice[];
  readonly hub: DeviceAddress;
  readonly store: Pick<Store, "scan" | "query">;
  readonly stretch: Stretch;
  readonly log: Log;
  /** Told now and then how far it came. @unit ms since 1970-01-01 UTC */
  readonly progress?: (time: number) => void;
  /** Hears each transition. */
  readonly told?: (transition: Transition) => void;
}

export interface BacktestResult {
  readonly episodes: readonly Episode[];
  /** Episodes that were too many to keep. */
  readonly leftOut: number;
  readonly load: AlarmLoad;
  readonly flapping: readonly Flapping[];
  readonly rows: number;
  /** Values not judged: not newer than the last of their series. */
  readonly ignored: number;
  /** Rows refused because a rule had too many groups. */
  readonly refused: number;
  /** Whether rows came of devices whose class is not known. */
  readonly classless: boolean;
  /** Stored rules whose questions the store could not answer at the end. */
  readonly blind: readonly string[];
}

/** Newly heard devices are made known at most this often. @unit ms */
const learnEvery = 1000;
/** Rows between two looks at the signal and two words of progress. */
const rowsAtOnce = 5000;

/** @throws E_QUERY, E_STORE_DOWN, E_STORE_CONFIG */
export async function backtest(setup: BacktestSetup, signal: AbortSignal): Promise<BacktestResult> {
  const { stretch, store } = setup;
  const run = new Backtest(setup);
  await using replay = run.replay;
  const asked = askedOf(setup.rules);
  for await (const lines of historyOf(store, { asked, stretch }, signal)) await run.take(lines);
  await run.finish();
  const { all, left } = run.episodes;
  const { ignored, refused, blind } = replay.status;
  return {
    episodes: all,
    leftOut: left,
    load: alarmLoad(all, stretch.from, stretch.to),
    flapping: flappingOf(all),
    rows: run.rows,
    ignored,
    refused,
    classless: run.classless,
    blind,
  };
}

/** What has to be read for live and absent rules; stored rules ask by themselves. */
function askedOf(rules: Readonly<Record<string, Rule>>): Asked[] {
  const replayed = Object.values(rules).filter(({ kind }) => kind !== "stored");
  const byMeasurement = Map.groupBy(replayed, ({ measurement }) => measurement);
  return [...byMeasurement].map(([measurement, same]) => {
    // A silence is ended by any row, whatever it holds.
    if (same.some(({ kind }) => kind === "absent")) return { measurement };
    const fields = same.flatMap((rule) => ("fields" in rule ? rule.fields : []));
    return { measurement, fields: [...new Set([...fields, "q"])] };
  });
}

class Backtest {
  readonly replay: Replay;
  readonly episodes: Episodes;
  rows = 0;
  readonly #setup: BacktestSetup;
  readonly #origins: Origins;
  readonly #learns: boolean;
  /** When devices heard since are made known. @unit ms since 1970-01-01 UTC */
  #learnAt: number | undefined;

  constructor(setup: BacktestSetup) {
    const { rules, expected, hub, store, stretch, log } = setup;
    this.#setup = setup;
    this.#origins = new Origins(expected);
    this.#learns = Object.values(rules).some(({ kind }) => kind === "absent");
    this.episodes = new Episodes((id) => factsOf(rules[id]));
    this.replay = new Replay({
      rules,
      expected,
      hub,
      store,
      start: stretch.from,
      log,
      told: (transition) => {
        this.episodes.told(transition);
        setup.told?.(transition);
      },
      judged: (group) => this.episodes.judged(group),
    });
  }

  get classless(): boolean {
    return this.#origins.classless;
  }

  /** Rows in order of time. */
  async take(lines: readonly Line[]): Promise<void> {
    for (const line of lines) {
      // Most rows come while nothing is due; a promise for each would double the time.
      if (!this.#skipTo(line.time)) await this.#until(line.time);
      this.#observe(line);
      this.rows += 1;
      if (this.rows % rowsAtOnce !== 0) continue;
      this.#setup.progress?.(line.time);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async finish(): Promise<void> {
    const { to } = this.#setup.stretch;
    await this.#until(to);
    this.#learn();
    this.episodes.close(to);
  }

  async #until(time: number): Promise<void> {
    if (this.#learnAt !== undefined && this.#learnAt <= time) {
      await this.replay.advanceTo(this.#learnAt);
      this.#learn();
    }
    await this.replay.advanceTo(time);
  }

  /** False where something happens up to that time. */
  #skipTo(time: number): boolean {
    const learns = this.#learnAt !== undefined && this.#learnAt <= time;
    if (learns || !this.replay.isQuietUntil(time)) return false;
    this.replay.skipTo(time);
    return true;
  }

  #observe({ measurement, tags, fields, time }: Line): void {
    const { address, place, channel } = this.#origins.of(measurement, tags);
    const points = [{ measurement, tags: channel, fields }];
    this.replay.observe({ address, place, time, points });
    if (this.#learns && this.#origins.hasNew) this.#learnAt ??= time + learnEvery;
  }

  #learn(): void {
    this.#learnAt = undefined;
    if (this.#learns && this.#origins.hasNew) this.replay.expect(this.#origins.takeAll());
  }
}

/** Who sends the rows of a series. */
interface Sender extends Origin {
  readonly measurement: string;
  /** The channel tag. */
  readonly channel: Tags;
}

/** Where rows come from: the configuration's devices, and those that are heard. */
class Origins {
  readonly #known = new Map<string, ExpectedDevice>();
  /** By the tags of a row, which it shares with others of its series that were read with it. */
  readonly #senders = new WeakMap<Tags, Sender>();
  /** True where devices or measurements came since `takeAll`. */
  hasNew = false;
  classless = false;

  constructor(expected: readonly ExpectedDevice[]) {
    for (const device of expected) this.#known.set(identityOf(device.address), device);
  }

  of(measurement: string, tags: Tags): Sender {
    const known = this.#senders.get(tags);
    if (known?.measurement === measurement) return known;
    const sender = this.#senderOf(measurement, tags);
    this.#senders.set(tags, sender);
    return sender;
  }

  #senderOf(measurement: string, tags: Tags): Sender {
    const { region = "", org = "", site = "", device = "", zone, rack } = tags;
    const identity = identityOf({ region, org, site, device });
    const known = this.#known.get(identity);
    const address = known?.address ?? { region, org, site, class: "", device };
    if (address.class === "") this.classless = true;
    const place = {
      ...(zone === undefined ? {} : { zone }),
      ...(rack === undefined ? {} : { rack }),
    };
    if (known?.measurements.includes(measurement) !== true) {
      const measurements = [...(known?.measurements ?? []), measurement];
      this.#known.set(identity, { address, place, measurements });
      this.hasNew = true;
    }
    const name = measurementEntry(measurement)?.channel;
    const value = name === undefined ? undefined : tags[name];
    const channel = name === undefined || value === undefined ? {} : { [name]: value };
    return { measurement, address, place, channel };
  }

  takeAll(): readonly ExpectedDevice[] {
    this.hasNew = false;
    return [...this.#known.values()];
  }
}

function factsOf(rule: Rule | undefined): RuleFacts {
  if (rule === undefined || rule.kind === "absent") return { kind: "absent", side: "above" };
  return { kind: rule.kind, side: rule.threshold.side };
}
