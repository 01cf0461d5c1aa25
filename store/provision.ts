/** What a store needs before the first line: `store init`. */
import type { Platform } from "../telemetry/index.ts";
import { assertNever } from "../telemetry/index.ts";
import type { InfluxOptions } from "./detect.ts";
import { decidedOptions, detect } from "./detect.ts";
import { provisionInfluxdb1 } from "./influxdb1/provision.ts";
import { provisionInfluxdb2 } from "./influxdb2/provision.ts";
import { provisionInfluxdb3 } from "./influxdb3/provision.ts";
import type { StoreOptions } from "./options.ts";
import type { Provision } from "./steps.ts";

/**
 * The steps that make what options name: database, retention policies, buckets.
 * @throws E_STORE_CONFIG, E_STORE_DOWN (where the generation must be asked), E_SECRET_MISSING
 */
export async function provisionOf(
  options: StoreOptions,
  platform: Platform,
  signal: AbortSignal,
): Promise<Provision> {
  const decided = options.engine === "influx" ? await decide(options, platform, signal) : options;
  switch (decided.engine) {
    case "influxdb1":
      return provisionInfluxdb1(decided, platform);
    case "influxdb2":
      return provisionInfluxdb2(decided, platform);
    case "influxdb3":
      return provisionInfluxdb3(decided, platform);
    case "sqlite":
      return nothing(`SQLite file ${decided.path}`);
    case "lines":
      return nothing(`lines at ${decided.url}`);
    default:
      return assertNever(decided);
  }
}

async function decide(
  options: InfluxOptions,
  platform: Platform,
  signal: AbortSignal,
): Promise<ReturnType<typeof decidedOptions>> {
  const { generation } = options;
  const found = generation === "auto" ? await detect(options, platform, signal) : generation;
  return decidedOptions(options, found);
}

/** What makes itself, or what we know no way to make. */
function nothing(title: string): Provision {
  return { title, steps: [], [Symbol.asyncDispose]: () => Promise.resolve() };
}
