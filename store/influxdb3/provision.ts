/**
 * The databases of an InfluxDB 3. A retention is given when a database is made and stays: Core
 * cannot change it afterwards.
 * https://docs.influxdata.com/influxdb3/core/admin/databases/create/
 */
import type { Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { askingError } from "../http/asking.ts";
import type { HttpLink } from "../http/link.ts";
import type { Provision, Step } from "../steps.ts";
import { durationText } from "../steps.ts";
import { influxdb3Link } from "./engine.ts";
import type { Influxdb3Options } from "./options.ts";

const path = "/api/v3/configure/database";

/** The steps. @throws E_SECRET_MISSING */
export function provisionInfluxdb3(options: Influxdb3Options, platform: Platform): Provision {
  const link = influxdb3Link(options, platform);
  const { database, retention, rollupDatabase, rollupRetention } = options;
  const steps = [databaseStep(link, database, retention)];
  if (rollupDatabase !== undefined) {
    steps.push(databaseStep(link, rollupDatabase, rollupRetention));
  }
  return {
    title: `InfluxDB 3 at ${link.target.url.href}`,
    steps,
    [Symbol.asyncDispose]() {
      link[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

function databaseStep(link: HttpLink, db: string, retention: number | undefined): Step {
  const kept = retention === undefined ? {} : { retention_period: durationText(retention) };
  const body = JSON.stringify({ db, ...kept });
  return {
    sends: `POST ${path} ${body}`,
    async run(signal) {
      const headers = { "content-type": "application/json" };
      const answer = await link.ask({ method: "POST", path, headers, body }, signal);
      if (answer.status === 409) return "was there";
      if (answer.status >= 200 && answer.status < 300) return "made";
      const error = askingError(answer, link.target.clock.now());
      if (error.code !== "E_QUERY") throw error;
      throw new GatewayError("E_STORE_CONFIG", error.message, { cause: error });
    },
  };
}
