/** The hub's folder of enrolment, for the hub as it starts and for `rackstreet enroll`. */
import { join } from "node:path";
import type { EnrolSetup } from "../broker/index.ts";
import type { Clock } from "../telemetry/index.ts";
import { GatewayError, sleep } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import { shareFolder } from "./folder.ts";
import { lockFolder } from "./platform.ts";
import { siteOf } from "./run-agent.ts";

export interface EnrolFolder extends AsyncDisposable {
  readonly setup: EnrolSetup;
}

/** Another command, or a hub that starts, is done within a moment. @unit ms */
const again = { every: 100, times: 50 } as const;

/**
 * Holds the folder until it is disposed: files in it that orders and authority are made of are
 * written by one process at a time.
 * @throws E_CONFIG where the configuration has no enrolment, E_SPOOL_LOCKED, E_SPOOL_WRITE
 */
export async function openEnrolFolder(
  loaded: LoadedConfig,
  clock: Pick<Clock, "after">,
): Promise<EnrolFolder> {
  const { broker, hub } = loaded.config;
  const { enroll: options, tls } = broker;
  if (options === undefined) {
    const why = "broker.enroll is missing: agents get no certificates from this hub";
    throw new GatewayError("E_CONFIG", `${loaded.file}: ${why}`);
  }
  const folder = join(hub.data, "enroll");
  const disk = await shareFolder(folder);
  const lock = await locked(folder, clock);
  return {
    setup: { options, tls, site: siteOf(loaded), folder, disk },
    [Symbol.asyncDispose]: () => Promise.resolve(lock[Symbol.asyncDispose]()),
  };
}

async function locked(folder: string, clock: Pick<Clock, "after">): Promise<AsyncDisposable> {
  for (let left: number = again.times; ; left -= 1) {
    try {
      return await lockFolder(folder);
    } catch (error) {
      if (left <= 0) throw error;
      await sleep(clock, again.every);
    }
  }
}
