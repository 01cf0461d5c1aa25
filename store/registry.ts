/** The engines there are. Adding one: its folder, its options in `options.ts`, a case here. */
import type { Platform } from "../telemetry/index.ts";
import { assertNever, GatewayError } from "../telemetry/index.ts";
import type { Store } from "./contract.ts";
import { openInflux } from "./detect.ts";
import { openInfluxdb1 } from "./influxdb1/engine.ts";
import { openInfluxdb2 } from "./influxdb2/engine.ts";
import { openInfluxdb3 } from "./influxdb3/engine.ts";
import { openLines } from "./lines/engine.ts";
import type { StoreOptions } from "./options.ts";
import type { Backup, SqliteWorker } from "./sqlite/engine.ts";
import { backUpSqlite, openSqlite } from "./sqlite/engine.ts";

/**
 * Opens the store that options describe.
 * @throws E_STORE_CONFIG, E_STORE_DOWN, E_SECRET_MISSING
 */
export async function openStore(
  options: StoreOptions,
  platform: Platform,
  worker: SqliteWorker = {},
): Promise<Store> {
  if (options.engine === "sqlite") return openSqlite(options, platform, worker);
  if (options.engine !== "influx") return openRemote(options, platform);
  return openInflux(options, platform, (decided) => openRemote(decided, platform));
}

/** Opens an engine that needs no word from its server first. */
function openRemote(
  options: Exclude<StoreOptions, { engine: "sqlite" | "influx" }>,
  platform: Platform,
): Store {
  switch (options.engine) {
    case "influxdb1":
      return openInfluxdb1(options, platform);
    case "influxdb2":
      return openInfluxdb2(options, platform);
    case "influxdb3":
      return openInfluxdb3(options, platform);
    case "lines":
      return openLines(options, platform);
    default:
      return assertNever(options);
  }
}

/**
 * Copies the embedded store's file, also while a hub writes to it; returns the copy's bytes.
 * @throws E_STORE_CONFIG, E_STORE_DOWN, E_USAGE
 */
export function backUpStore(
  options: StoreOptions,
  how: Omit<Backup, "path"> & { readonly log: Platform["log"] },
  worker: SqliteWorker = {},
): Promise<number> {
  if (options.engine !== "sqlite") {
    const why = `store.engine is ${options.engine}; back that up with its own tools`;
    throw new GatewayError("E_USAGE", why);
  }
  return backUpSqlite({ ...how, path: options.path }, how.log, worker);
}
