/** To which hubs of other regions this one forwards what they are granted, and how. */
import type { Address, Schema, Secret } from "../../config/index.ts";
import {
  certWithKey,
  address,
  atLeast,
  duration,
  levelName,
  option,
  pathTo,
  secret,
  size,
  text,
  v,
  whole,
} from "../../config/index.ts";

export interface PeerOptions {
  readonly url: Address;
  readonly username?: string | undefined;
  readonly password?: Secret | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly keepalive: number;
  /** Messages on the link that are not acknowledged. */
  readonly window: number;
  /** @unit ms */
  readonly resend: number;
  readonly spool: { readonly size: number; readonly segment: number; readonly commit: number };
}

export interface FederationOptions {
  /** File that says which peer may have what. */
  readonly grants?: string | undefined;
  readonly peers: Readonly<Record<string, PeerOptions>>;
}

/** The oldest segment goes when the newest needs room: with fewer all would go at once. */
const leastSegments = 4;

const spool = v.pipe(
  v.strictObject({
    size: v.optional(
      option(size, { about: "Most disk the queue may use; the oldest telemetry goes first." }),
      "1GiB",
    ),
    segment: v.optional(option(size, { about: "Size of one of its files." }), "4MiB"),
    commit: v.optional(
      option(duration, { about: "Longest wait for company before batches are made durable." }),
      "100ms",
    ),
  }),
  v.check(
    ({ size: all, segment }) => all >= leastSegments * segment,
    `size must hold at least ${leastSegments} segments`,
  ),
);

const peer: Schema<PeerOptions> = v.pipe(
  v.strictObject({
    url: option(address({ mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 }), {
      about: "Its broker.",
      example: "mqtts://hub.province.example.org:8883",
    }),
    username: v.optional(
      option(text, { about: "This hub's user there, of role peer.", example: "hangzhou" }),
    ),
    password: v.optional(option(secret, { about: "Its password.", example: "${PROVINCE}" })),
    ca: v.optional(
      option(text, { about: "File with the authority that signed the broker's certificate." }),
    ),
    cert: v.optional(
      option(text, {
        about: "File with a certificate to show there (PEM), where it asks for one.",
      }),
    ),
    key: v.optional(option(text, { about: "File with its private key (PEM)." })),
    keepalive: v.optional(
      option(atLeast("1s"), { about: "Longest silence on the link before a ping." }),
      "30s",
    ),
    window: v.optional(
      option(whole(1, 1000), { about: "Messages on the link that are not acknowledged yet." }),
      64,
    ),
    resend: v.optional(
      option(atLeast("1s"), {
        about: "A batch not reported stored within this time is sent again, as backfill.",
      }),
      "15s",
    ),
    spool: v.optional(option(spool, { about: "What is kept until the peer has stored it." }), {}),
  }),
  certWithKey(),
);

/** More would be a cluster, not a federation. */
const mostPeers = 64;

/** The `federation` section of a configuration. */
export const federationOptions: Schema<FederationOptions> = v.pipe(
  v.strictObject({
    grants: v.optional(
      option(text, {
        about:
          "File that says which peer may have which topics (docs/federation.md); a change acts " +
          "within a second.",
        example: "/etc/rackstreet/grants.yaml",
      }),
    ),
    peers: v.optional(
      option(v.pipe(v.record(levelName, peer), v.maxEntries(mostPeers)), {
        about: "Hubs of other regions that this one forwards to, by name.",
      }),
      {},
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { grants, peers } = dataset.value;
    if (grants !== undefined || Object.keys(peers).length === 0) return;
    const message = "peers need `grants`: the file that says what each may have";
    addIssue({ message, path: pathTo(dataset.value, ["peers"]) });
  }),
);
