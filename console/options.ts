/** Where a process tells operators how it is, over HTTP. */
import type { Address, Schema, Secret } from "../config/index.ts";
import { address, addressText, isLoopback, option, secret, v } from "../config/index.ts";

export interface ConsoleOptions {
  /** Left out: nowhere. */
  readonly listen?: Address | undefined;
  readonly token?: Secret | undefined;
}

const entries = v.strictObject({
  listen: v.optional(
    option(address({ http: 9464 }), {
      about:
        "Where `/metrics` (Prometheus), `/health` and, of a hub, `/api/v1/latest`, " +
        "`/api/v1/catalog` and `/ngsi-ld/v1/entities` are served; nowhere when left out.",
      example: "http://127.0.0.1:9464",
    }),
  ),
  token: v.optional(
    option(secret, {
      about: "Bearer token that `/metrics` asks for; a must where other machines reach it.",
      example: "${METRICS_TOKEN}",
    }),
  ),
});

/** The `console` section of a configuration. */
export const consoleOptions: Schema<ConsoleOptions> = v.pipe(
  entries,
  v.check(
    ({ listen, token }) => listen === undefined || token !== undefined || isLoopback(listen.host),
    "other machines reach this address: give a `token`, or listen on 127.0.0.1",
  ),
);

/** The address that a server was given. */
export function consoleAddress(listen: Address, port: number): string {
  return addressText({ ...listen, port });
}
