/**
 * Bench: 1,014 organisations, an agent each, 20 tries each to hear or to cause what is not theirs,
 * at a hub on this machine (`rackstreet tenant audit`). The ratio is leaks ÷ tries.
 */
import { startAuditedHub, tryEscapes } from "../broker/index.ts";
import { brokerOptions } from "../broker/options.ts";
import { clock, entropy } from "../cli/platform.ts";
import { v } from "../config/index.ts";
import { rounded } from "./processes.ts";

const organisations = 1014;
const triesEach = 20;

const ignore = (): void => undefined;

export async function run(): Promise<unknown> {
  const users = Object.fromEntries(
    Array.from({ length: organisations }, (_, n) => [
      `edge-${n}`,
      { password: "replaced", role: "agent", site: `region-${n % 11}/org-${n}/site` },
    ]),
  );
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const platform = { clock, entropy, log };
  const site = { region: "local", org: "main", site: "bench" };
  await using hub = await startAuditedHub(v.parse(brokerOptions, { users }), site, platform);
  const from = clock.monotonic();
  const report = await tryEscapes({
    hub: hub.address,
    ...hub,
    ...platform,
    live: false,
    most: triesEach,
    entering: 0,
    within: 110_000,
  });
  if (report === undefined) throw new Error("the admin was not let in");
  const { tries, leaked, alive, left, silent } = report;
  return {
    bench: "tenants-escapes",
    ours: leaked,
    peer: tries,
    ratio: rounded(leaked / tries),
    unit: "leaks ÷ tries",
    goal: 0,
    organisations,
    alive,
    not_tried: left.length + silent.length,
    seconds: rounded((clock.monotonic() - from) / 1000),
    leaks: report.leaks.slice(0, 10),
  };
}
