/**
 * The database and retention policies of an InfluxDB 1. CREATE does nothing to a database that is
 * there and is refused for a policy that is there with other values, which ALTER then sets: so
 * the same statements are sent every time.
 */
import type { Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Outcome, Provision, Step } from "../steps.ts";
import { durationText } from "../steps.ts";
import { Client } from "./client.ts";
import type { Influxdb1Options } from "./options.ts";
import { quoteName } from "./query.ts";
import { influxdb1Target } from "./target.ts";

/** The policy that a new database has. */
const usualPolicy = "autogen";

/** The steps. @throws E_SECRET_MISSING, E_STORE_CONFIG */
export function provisionInfluxdb1(options: Influxdb1Options, { clock }: Platform): Provision {
  const target = influxdb1Target(options, clock);
  const client = new Client(target);
  const step = (sends: string, done: Outcome, may: RegExp = /^$/): Step => ({
    sends,
    run: (signal) => send(client, { sends, done, may }, signal),
  });
  const { database, retention, retentionPolicy, rollupPolicy, rollupRetention } = options;
  const on = `ON ${quoteName(database)}`;
  const policy = (name: string, duration: string, rest: string): Step[] => {
    const what = `RETENTION POLICY ${quoteName(name)} ${on} DURATION ${duration}`;
    const create = `CREATE ${what} REPLICATION 1${rest}`;
    return [
      step(create, "made", /retention policy already exists|conflicts with/),
      step(`ALTER ${what}${rest}`, "set"),
    ];
  };
  if (rollupRetention !== undefined && rollupPolicy === undefined) {
    throw new GatewayError("E_STORE_CONFIG", "rollupRetention needs rollupPolicy");
  }
  const steps = [step(`CREATE DATABASE ${quoteName(database)}`, "made")];
  if (retentionPolicy !== undefined) {
    steps.push(...policy(retentionPolicy, durationOf(retention), " DEFAULT"));
  } else if (retention !== undefined) {
    const usual = `RETENTION POLICY ${quoteName(usualPolicy)} ${on}`;
    steps.push(step(`ALTER ${usual} DURATION ${durationOf(retention)}`, "set"));
  }
  if (rollupPolicy !== undefined)
    steps.push(...policy(rollupPolicy, durationOf(rollupRetention), ""));
  return {
    title: `InfluxDB 1 at ${target.url.href}`,
    steps,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function durationOf(retention: number | undefined): string {
  return retention === undefined ? "INF" : durationText(retention);
}

/** Sends a statement; a refusal that `may` be says that the thing was there. */
async function send(
  client: Client,
  { sends, done, may }: { readonly sends: string; readonly done: Outcome; readonly may: RegExp },
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    await client.ask([sends], signal);
    return done;
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== "E_QUERY") throw error;
    if (may.test(error.message)) return "was there";
    throw new GatewayError("E_STORE_CONFIG", `${sends}: ${error.message}`, { cause: error });
  }
}
