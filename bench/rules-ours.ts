/**
 * Our side of `bench/rules.ts`, a process of its own: the engine of the hub's alerts, fed with
 * batches as ingest hands them over. Snapshots go to disk; messages and rows go nowhere.
 * Arguments: folder for the snapshots, `rules` or `none`. Prints "ready"; on SIGUSR2 how many
 * alerts are active, and how much of its memory is not garbage, in MiB.
 */
import { openAlerts, ruleOptions } from "../alerts/index.ts";
import { openFolder } from "../cli/folder.ts";
import { clock, entropy } from "../cli/platform.ts";
import { v } from "../config/index.ts";
import { silentLog } from "../test/virtual.ts";
import { rounded } from "./processes.ts";
import { devices, every, holds, limits, valueOf } from "./rules-load.ts";

const [folder = "", which] = process.argv.slice(2);
const site = { region: "local", org: "main", site: "bench" } as const;
const rules = limits.map((above, n) => {
  const rule = { about: "x", measurement: "thermal", field: "temp_c", above, for: `${holds}s` };
  return [`hot-${n}`, v.parse(ruleOptions, rule)] as const;
});
const alerts = await openAlerts(
  {
    rules: which === "rules" ? Object.fromEntries(rules) : {},
    expected: [],
    hub: { ...site, class: "hub", device: "hub" },
    store: {
      query: () => Promise.resolve([]),
      write: (lines) => Promise.resolve({ accepted: lines.length, rejected: [] }),
    },
    disk: await openFolder(folder),
    publish: () => Promise.resolve(),
    notify: () => undefined,
  },
  { clock, entropy, log: silentLog },
);
setInterval(feed, every);
process.on("SIGUSR2", () => {
  const active = alerts.firing().alerts.length;
  globalThis.gc?.();
  console.log(`${active} ${rounded(process.memoryUsage().heapUsed / 2 ** 20)}`);
});
console.log("ready");

function feed(): void {
  const time = Date.now();
  for (let n = 0; n < devices; n += 1) {
    const address = { ...site, class: "thermal", device: `rack-${n}` };
    const fields = { temp_c: valueOf(n, time), q: 0 };
    const points = [{ measurement: "thermal", tags: { sensor: "inlet" }, fields }];
    alerts.observe({ address, place: { rack: `r${n}` }, time, points });
  }
}
