/**
 * One page of 5,000 lines: the time to scrape it and make its points, against a plain split by
 * regular expressions in the same run, which scrapes it too and makes no points. Medians of
 * alternating rounds. `work`: the same without the scrape, on a page that is there already.
 */
import { profileSchema, v } from "../config/index.ts";
import { profiles } from "../config/profiles.gen.ts";
import { Counts } from "../drivers/prometheus/counts.ts";
import { Points } from "../drivers/prometheus/points.ts";
import { prometheusProfile } from "../drivers/prometheus/profile.ts";
import { readPage } from "../drivers/prometheus/reader.ts";
import { metricsOf, rowsOf } from "../drivers/prometheus/rows.ts";
import { Slices } from "../drivers/prometheus/slices.ts";
import { HttpClient } from "../drivers/transport/http.ts";
import { contextWith } from "../test/drivers/modbus/world.ts";
import { openDevice } from "../test/drivers/prometheus/world.ts";
import { median, rounded, startHere } from "./processes.ts";

const rounds = 60;
const warmUp = 10;
/** 100 cards and 48 families are 4,896 lines. */
const shape = ["1", "100", "36"];

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+(-?\d+))?\s*$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** What a page costs when each line is taken apart. */
function split(page: string): Map<string, [Map<string, string>, number][]> {
  const families = new Map<string, [Map<string, string>, number][]>();
  for (const text of page.split("\n")) {
    if (text === "" || text.startsWith("#")) continue;
    const [, name = "", labels = "", value = ""] = line.exec(text) ?? [];
    const read = new Map<string, string>();
    for (const [, key = "", quoted = ""] of labels.matchAll(label)) read.set(key, quoted);
    const family = families.get(name) ?? [];
    family.push([read, Number(value)]);
    families.set(name, family);
  }
  return families;
}

export async function parseTimes() {
  const { signal } = new AbortController();
  using exporter = startHere("accelerators-exporters.ts", shape);
  const [port] = v.parse(v.array(v.number()), JSON.parse(await exporter.line()));
  const url = `http://127.0.0.1:${port}`;
  const options = { url, timeout: 10_000 };
  using client = new HttpClient(options, contextWith().clock);
  const profile = profiles["dcgm-exporter"];
  await using device = await openDevice({ options: { url }, profile });
  const scrape = async () => (await client.ask({ path: "/metrics" }, signal)).body;
  const page = await scrape();
  const times: Record<"driver" | "regex" | "driverWork" | "regexWork", number[]> = {
    driver: [],
    regex: [],
    driverWork: [],
    regexWork: [],
  };
  let points = 0;
  const sides = {
    driver: async () =>
      ({ length: points } = (await device.session.read(device.all, signal)).points),
    regex: async () => split(await scrape()),
    driverWork: mapping(page),
    regexWork: () => Promise.resolve(split(page)),
  };
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (const side of ["driver", "regex", "driverWork", "regexWork"] as const) {
      const from = performance.now();
      await sides[side]();
      if (round >= warmUp) times[side].push(performance.now() - from);
    }
  }
  const ours = { all: median(times.driver), work: median(times.driverWork) };
  const peer = { all: median(times.regex), work: median(times.regexWork) };
  return {
    lines: page.trimEnd().split("\n").length,
    points,
    driver_ms: rounded(ours.all),
    regex_ms: rounded(peer.all),
    ratio: rounded(peer.all / ours.all),
    driver_work_ms: rounded(ours.work),
    regex_work_ms: rounded(peer.work),
    work_ratio: rounded(peer.work / ours.work),
  };
}

/** Reads a page and makes its points, as the driver does behind its scrape. */
function mapping(page: string): () => Promise<unknown> {
  const { clock } = contextWith();
  const form = profileSchema("prometheus", prometheusProfile);
  const profile = v.parse(form, profiles["dcgm-exporter"]);
  const rows = rowsOf(profile, { where: {}, channels: {} });
  const counts = new Counts(undefined, clock);
  const { blank } = profile.header;
  return async () => {
    const read = await readPage(page, { wanted: metricsOf(rows), seconds: false }, clock);
    const { families } = read.facts;
    const points = new Points({ families, counts, blank, staleBefore: 0, found: () => undefined });
    const slices = new Slices(clock);
    for (const row of rows) await points.fill(row, slices);
    return points.all();
  };
}
