/**
 * Asks a hub something on its topic `ask` and takes the answer, part by part, as any client would
 * (docs/for-integrators.md). The hub is the configuration's, its broker may be named apart.
 */
import { openUplink } from "../agent/index.ts";
import { addressText } from "../config/index.ts";
import type { AnswerPart, Log, Platform } from "../telemetry/index.ts";
import { decodeAnswer, encodeAsk, GatewayError, sleep, topicOf } from "../telemetry/index.ts";
import type { BrokerArguments } from "./ask-broker.ts";
import { brokerTarget } from "./ask-broker.ts";
import type { LoadedConfig } from "./config.ts";
import { siteOf } from "./run-agent.ts";

export interface HubQuestion {
  /** Name of the request. */
  readonly do: string;
  readonly args?: Readonly<Record<string, unknown>>;
  /** Takes each part as it comes. */
  readonly take: (ok: unknown) => void;
}

/** How long to wait for the link, and for each part. @unit ms */
const patience = { connect: 5000, part: 40_000 };

/** @throws E_USAGE, E_SECRET_MISSING, E_UPLINK, E_ASK_REFUSED, E_ASK_UNANSWERED */
export async function askHub(
  given: BrokerArguments,
  { loaded, platform }: { readonly loaded: LoadedConfig; readonly platform: Platform },
  { do: name, args = {}, take }: HubQuestion,
): Promise<void> {
  const { clock, entropy } = platform;
  const { url, options } = brokerTarget(given, loaded);
  const site = siteOf(loaded);
  const id = entropy.id();
  const client = `rackstreet-asking-${id}`;
  const parts: AnswerPart[] = [];
  let why = "no answer";
  let decided = new AbortController();
  const log: Log = {
    ...platform.log,
    warn: (_event, fields) => {
      why = String(fields?.["why"] ?? why);
      decided.abort();
    },
  };
  let up = false;
  const own = topicOf({ ...site, class: "client", device: client }, "answer");
  await using link = openUplink({ url, clientId: client, subscribe: [own] }, options, {
    platform: { ...platform, log },
    events: {
      up: () => {
        up = true;
        decided.abort();
      },
      down: () => undefined,
      message: (_topic, payload) => {
        const decoded = decodeAnswer(payload);
        if (!("ok" in decoded) || decoded.ok.id !== id) return;
        parts.push(decoded.ok);
        decided.abort();
      },
    },
  });
  await sleep(clock, patience.connect, decided.signal);
  if (!up) throw new GatewayError("E_UPLINK", `${addressText(url)}: ${why}`);
  const topic = topicOf({ ...site, class: "hub", device: loaded.config.hub.id }, "ask");
  decided = new AbortController();
  await link.publish({ topic, payload: encodeAsk({ id, do: name, args }), retain: false });
  for (;;) {
    await sleep(clock, patience.part, decided.signal);
    decided = new AbortController();
    if (parts.length === 0) throw new GatewayError("E_ASK_UNANSWERED", `${name}: ${topic}`);
    for (const { body, last } of parts.splice(0)) {
      if ("problem" in body) {
        throw new GatewayError("E_ASK_REFUSED", `${name}: ${body.problem}; ${body.remedy}`);
      }
      take(body.ok);
      if (last) return;
    }
  }
}
