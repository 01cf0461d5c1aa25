/** Puts a process together that only stores: a store, and a link to the broker. */
import { join } from "node:path";
import type { OutsideOptions, Share } from "../broker/index.ts";
import { IngestWorker } from "../broker/index.ts";
import type { Store } from "../store/index.ts";
import { openRollups, openStore } from "../store/index.ts";
import type { Platform } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import { sqliteWorker } from "./assets.ts";
import type { LoadedConfig } from "./config.ts";
import { openFolder } from "./folder.ts";
import { letYoungGenerationGrow, lockFolder, openVitals } from "./platform.ts";
import { siteOf } from "./run-agent.ts";
import { outsideSetup } from "./run-hub.ts";

export interface WorkerArguments {
  /** What tells it from the others on its machine and at the broker. */
  readonly name: string;
  readonly share?: Share | undefined;
}

export interface RunningWorker extends AsyncDisposable {
  readonly worker: IngestWorker;
  readonly store: Store;
}

/** @throws E_CONFIG without a broker to be a client of, or with a store of one process alone */
export async function runIngest(
  loaded: LoadedConfig,
  { name, share }: WorkerArguments,
  platform: Platform,
): Promise<RunningWorker> {
  letYoungGenerationGrow();
  const { hub, store: storeOptions, rollups } = loaded.config;
  const outside = outsideOf(loaded);
  await using parts = new AsyncDisposableStack();
  const folder = join(hub.data, `ingest-${name}`);
  const disk = await openFolder(folder);
  parts.use(await lockFolder(folder));
  const opened = parts.use(await openStore(storeOptions, platform, { worker: sqliteWorker }));
  const rolled = { store: opened, disk, options: rollups };
  const rolling = parts.use(await openRollups(rolled, platform));
  const worker = parts.use(
    new IngestWorker(
      {
        broker: { ...outsideSetup(outside, `${hub.id}-${name}`, platform), share: share ?? "all" },
        site: siteOf(loaded),
        name: `${hub.id}-${name}`,
        store: rolling.store,
        disk,
        health: hub.health,
        rollups: () => rolling.counts,
        vitals: openVitals(),
      },
      platform,
    ),
  );
  platform.log.info("ingest started", { worker: name, store: rolling.store.title });
  const kept = parts.move();
  return { worker, store: rolling.store, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function outsideOf({ file, config }: LoadedConfig): OutsideOptions {
  const { outside } = config.broker;
  if (outside === undefined) {
    const why =
      `${file}: broker.outside is missing: a process that only stores is a client of a broker ` +
      "(a hub's own broker will do, with a user of role admin)";
    throw new GatewayError("E_CONFIG", why);
  }
  if (config.store.engine === "sqlite") {
    const why = `${file}: store.engine sqlite belongs to one process; name a database for workers`;
    throw new GatewayError("E_CONFIG", why);
  }
  return outside;
}
