/** What organisations use of the hub, and what they may: one noisy one slows nobody but itself. */
import type { Clock } from "../telemetry/index.ts";
import type { Tenant } from "./options.ts";
import { Rate } from "./rate.ts";

interface Used {
  readonly rate: Rate;
  readonly most: number;
  readonly sessions: number;
  connections: number;
}

const unbounded = Number.POSITIVE_INFINITY;

export class Tenants {
  readonly #used: ReadonlyMap<string, Used>;

  constructor(tenants: Readonly<Record<string, Tenant>>, clock: Clock) {
    this.#used = new Map(
      Object.entries(tenants).map(([org, tenant]) => {
        const { rate, connections: most = unbounded, sessions = unbounded } = tenant;
        return [org, { rate: new Rate(rate, clock), most, sessions, connections: 0 }];
      }),
    );
  }

  /** What an organisation may publish; undefined: it has no bound. */
  rateOf(org: string | undefined): Rate | undefined {
    return this.#of(org)?.rate;
  }

  /** Counts one more connection; false: there are as many as there may be. */
  enter(org: string | undefined): boolean {
    const used = this.#of(org);
    if (used === undefined) return true;
    if (used.connections >= used.most) return false;
    used.connections += 1;
    return true;
  }

  /** Sessions that may be kept for its clients. */
  sessionsOf(org: string | undefined): number {
    return this.#of(org)?.sessions ?? unbounded;
  }

  leave(org: string | undefined): void {
    const used = this.#of(org);
    if (used !== undefined) used.connections -= 1;
  }

  #of(org: string | undefined): Used | undefined {
    return org === undefined ? undefined : this.#used.get(org);
  }
}
