/**
 * One page of 5,000 lines: the time to scrape it and make its points, against a plain split by
 * regular expressions in the same run, which scrapes it too and makes no points, and against the
 * scrape alone. Medians of alternating rounds. `work_ratio` is what both do beyond the scrape.
 */
import { profiles } from "../config/profiles.gen.ts";
import { HttpClient } from "../drivers/transport/http.ts";
import { contextWith } from "../test/drivers/modbus/world.ts";
import { openDevice, startExporter } from "../test/drivers/prometheus/world.ts";
import { pageOf } from "./accelerators-pages.ts";
import { median, rounded } from "./processes.ts";

const rounds = 60;
const warmUp = 10;
/** 100 cards and 48 families are 4,896 lines. */
const shape = { node: "cluster", cards: 100, others: 36 };

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
  const page = pageOf(shape, 17);
  const { signal } = new AbortController();
  await using exporter = await startExporter(() => page);
  const options = { url: exporter.url, timeout: 10_000 };
  using client = new HttpClient(options, contextWith().clock);
  const profile = profiles["dcgm-exporter"];
  await using device = await openDevice({ options: { url: exporter.url }, profile });
  const scrape = async () => (await client.ask({ path: "/metrics" }, signal)).body;
  const times: Record<"driver" | "regex" | "scrape", number[]> = {
    driver: [],
    regex: [],
    scrape: [],
  };
  let points = 0;
  const sides = {
    driver: async () =>
      ({ length: points } = (await device.session.read(device.all, signal)).points),
    regex: async () => split(await scrape()),
    scrape,
  };
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (const side of ["driver", "regex", "scrape"] as const) {
      const from = performance.now();
      await sides[side]();
      if (round >= warmUp) times[side].push(performance.now() - from);
    }
  }
  const [driver, regex, alone] = [times.driver, times.regex, times.scrape].map(median);
  return {
    lines: page.trimEnd().split("\n").length,
    points,
    driver_ms: rounded(driver ?? 0),
    regex_ms: rounded(regex ?? 0),
    scrape_ms: rounded(alone ?? 0),
    ratio: rounded((regex ?? 0) / (driver ?? 1)),
    work_ratio: rounded(((regex ?? 0) - (alone ?? 0)) / ((driver ?? 1) - (alone ?? 0))),
  };
}
