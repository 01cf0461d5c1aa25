/**
 * How many series (rows of one device, measurement and channel) an organisation and an agent may
 * have: each costs the store memory for ever. Counted since the hub started. A point of one too
 * many is set aside, its batch goes on, and its agent is told once a minute.
 */
import type { Clock, DeviceAddress, Point } from "../telemetry/index.ts";
import type { Refusal } from "./access.ts";
import type { BrokerOptions } from "./options.ts";

/** Between two messages about one quota. @unit ms */
const toldEvery = 60_000;

interface Known {
  readonly series: Set<string>;
  readonly most: number;
  told: number;
}

export interface SeriesRefusal extends Refusal {
  /** Whether it is time to tell the agent. */
  readonly tell: boolean;
}

export class SeriesQuotas {
  readonly #options: Pick<BrokerOptions, "limits" | "tenants">;
  readonly #now: () => number;
  /** By organisation, and by agent where those have a quota; bounded by what is configured. */
  readonly #known = new Map<string, Known>();

  /** @param now monotonic time in ms */
  constructor(options: Pick<BrokerOptions, "limits" | "tenants">, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Whether a configuration has such quotas: to look at every point costs a hub much. */
  static has({ limits, tenants }: Pick<BrokerOptions, "limits" | "tenants">): boolean {
    const ofOrgs = Object.values(tenants).map(({ series }) => series);
    return [limits.seriesByAgent, ...ofOrgs].some((most) => most !== undefined);
  }

  /** Why a point may not be stored; undefined: it may. */
  refuse(
    { region, org, site, device }: DeviceAddress,
    agent: string,
    { measurement, tags = {} }: Point,
  ): SeriesRefusal | undefined {
    const { limits, tenants } = this.#options;
    const owner = `${region}/${org}`;
    const ofOrg = tenants[owner]?.series;
    if (ofOrg === undefined && limits.seriesByAgent === undefined) return undefined;
    const quotas = [
      { who: owner, most: ofOrg },
      { who: `agent ${agent} of ${owner}/${site}`, most: limits.seriesByAgent },
    ];
    const channel = Object.entries(tags).flat().join(" ");
    const name = `${site} ${device} ${measurement} ${channel}`;
    const held: Known[] = [];
    for (const { who, most } of quotas) {
      if (most === undefined) continue;
      const known = this.#of(who, most);
      if (!known.series.has(name) && known.series.size >= most) return this.#tooMany(who, known);
      held.push(known);
    }
    for (const { series } of held) series.add(name);
    return undefined;
  }

  #of(who: string, most: number): Known {
    const known = this.#known.get(who) ?? {
      series: new Set(),
      most,
      told: Number.NEGATIVE_INFINITY,
    };
    this.#known.set(who, known);
    return known;
  }

  #tooMany(who: string, known: Known): SeriesRefusal {
    const now = this.#now();
    const tell = now - known.told >= toldEvery;
    if (tell) known.told = now;
    const rule = `${who} has ${known.most} series, as many as there may be`;
    return { rule, remedy: "send fewer devices or channels, or raise the quota", tell };
  }
}

/** Why a point of an agent may not be stored. */
type Quota = (address: DeviceAddress, stream: string, point: Point) => SeriesRefusal | undefined;

/** Left out where there is none; a broker that is there already has quotas of its own. */
export function quotaOf(
  broker: BrokerOptions | { readonly connect: unknown },
  { clock }: { readonly clock: Pick<Clock, "monotonic"> },
): { readonly quota?: Quota } {
  if ("connect" in broker || !SeriesQuotas.has(broker)) return {};
  const series = new SeriesQuotas(broker, () => clock.monotonic());
  return {
    quota: (address, stream, point) => series.refuse(address, stream.split(".", 1)[0] ?? "", point),
  };
}
