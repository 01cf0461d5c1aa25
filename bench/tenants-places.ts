/**
 * Who publishes in the bench `tenants-load`: 5,532 agents of 1,014 organisations in three regions,
 * few large and many small, as units of provinces and their cities are.
 */
import { topicOf } from "../telemetry/index.ts";

export const publishers = 5532;
export const organisations = 1014;
const regions = 3;

export interface Place {
  /** User name, and id of its agent. */
  readonly user: string;
  readonly password: string;
  readonly region: string;
  readonly org: string;
  readonly site: string;
  /** Where it publishes. */
  readonly topic: string;
}

/** Who may hear all. */
export const reader = { user: "city", password: "pw-city" } as const;

/** One place a publisher, in an order that does not change. */
export function places(): readonly Place[] {
  return sizes().flatMap((size, n) => Array.from({ length: size }, (_, of) => placeOf(n, of + 1)));
}

/** Publishers of each organisation: one, and a share of the rest that falls with its rank. */
function sizes(): readonly number[] {
  const weights = Array.from({ length: organisations }, (_, n) => 1 / Math.sqrt(n + 1));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const rest = publishers - organisations;
  let before = 0;
  let dealt = 0;
  return weights.map((weight) => {
    before += weight;
    const upTo = Math.round((rest * before) / all);
    const size = 1 + upTo - dealt;
    dealt = upTo;
    return size;
  });
}

function placeOf(organisation: number, of: number): Place {
  const region = `region-${organisation % regions}`;
  const org = `unit-${organisation}`;
  const site = `site-${of}`;
  const user = `edge-${organisation}-${of}`;
  const address = { region, org, site, class: "power", device: `pdu-${of}` };
  const topic = topicOf(address, "telemetry");
  return { user, password: `pw-${user}`, region, org, site, topic };
}
