/**
 * Any device that answers JSON over HTTP: what to ask for and what the answers mean stand in the
 * device's options or in a profile. Devices of one host share the connection.
 */
import { Buffer } from "node:buffer";
import { GatewayError } from "../../telemetry/index.ts";
import { defineDriver } from "../contract.ts";
import { Mapping } from "../mapping/mapping.ts";
import { compileRows } from "../mapping/rows.ts";
import { HttpClient } from "../transport/http.ts";
import { Leases } from "../transport/leases.ts";
import type { HttpJsonHeader, HttpJsonOptions, HttpJsonProfile, RequestForm } from "./options.ts";
import { httpJsonOptions, httpJsonOptionsSchema, httpJsonProfile } from "./options.ts";
import { HttpJsonSession } from "./session.ts";

/** A client without a user: who asks is said with each request. */
interface SharedClient extends AsyncDisposable {
  readonly client: HttpClient;
}

export const httpJson = defineDriver({
  name: "http-json",
  about: "Any device that answers JSON over HTTP, by a mapping of your own.",
  options: httpJsonOptions,
  parse: httpJsonOptionsSchema,
  profile: httpJsonProfile,
  profileOptional: true,
  tryOut: (options, profile) => {
    const { rows, ...known } = layOut(options, profile);
    compileRows(rows, known);
  },
  create({ clock }) {
    const clients = new Leases<SharedClient>();
    return {
      busKey: ({ options }) => `http ${new URL(options.url).origin}`,
      // Async, so that a mistake in the mapping rejects.
      async open({ id, options, profile, memory }) {
        const { ca, fingerprint, timeout, maxAnswer: limit } = options;
        const { requests, ...wanted } = layOut(options, profile);
        const mapping = new Mapping({ ...wanted, clock, memory });
        const { origin: url, pathname } = new URL(options.url);
        const key = JSON.stringify([url, ca, fingerprint, timeout]);
        const { thing, release } = clients.lease({ key, bus: undefined }, () => {
          const client = new HttpClient({ url, ca, fingerprint, timeout }, clock);
          return {
            client,
            [Symbol.asyncDispose]() {
              client[Symbol.dispose]();
              return Promise.resolve();
            },
          };
        });
        const base = pathname.replace(/\/+$/, "");
        const headers = (): Record<string, string> => headersOf(options);
        const { client } = thing;
        return new HttpJsonSession({
          id,
          client,
          base,
          requests,
          headers,
          limit,
          mapping,
          release,
        });
      },
      [Symbol.asyncDispose]: () => clients[Symbol.asyncDispose](),
    };
  },
});

/** What to ask for and to store, of the profile and of the device's own. */
function layOut(options: HttpJsonOptions, profile: HttpJsonProfile | undefined) {
  const requests = requestsOf(options, profile?.header);
  return {
    requests,
    rows: [...(profile?.points ?? []), ...(options.rows ?? [])],
    time: options.time ?? profile?.header.time,
    documents: Object.keys(requests),
    levels: [],
  };
}

/** The device's own over the profile's; none of either: the URL as it stands. */
function requestsOf(
  { requests }: HttpJsonOptions,
  header: HttpJsonHeader | undefined,
): Readonly<Record<string, RequestForm>> {
  const all = { ...header?.requests, ...requests };
  if (Object.keys(all).length > 0) return all;
  return { all: { path: "", method: "GET" } };
}

/** @throws E_SECRET_MISSING, E_CONFIG for what can be in no header */
function headersOf({ headers, user, password, token }: HttpJsonOptions): Record<string, string> {
  const all: Record<string, string> = {};
  if (token !== undefined) all["authorization"] = `Bearer ${token.reveal()}`;
  else if (user !== undefined) {
    const pair = `${user}:${password?.reveal() ?? ""}`;
    all["authorization"] = `Basic ${Buffer.from(pair).toString("base64")}`;
  }
  for (const [name, value] of Object.entries(headers)) all[name.toLowerCase()] = value.reveal();
  for (const [name, value] of Object.entries(all)) {
    if (/^[\t\x20-\x7e]*$/.test(value)) continue;
    throw new GatewayError("E_CONFIG", `headers: ${name}: letters that can be in no header`);
  }
  return all;
}
