/**
 * The walk over a service's tree: which resources hold readings, and what rows each gives. It goes
 * down known paths only, so that links in a ring lead nowhere, and has a bound on all that it
 * counts. A part that cannot be looked at is a fault, and looked at again at the next walk.
 */
import type { Fault } from "../../telemetry/index.ts";
import type { Json } from "./json.ts";
import { idOf, linkOf, list, member, pathOf, record } from "./json.ts";
import type { Resource, Row } from "./row.ts";
import { isOfPart } from "./status.ts";

/** A resource that is read at each poll. */
export interface Planned {
  readonly path: string;
  readonly rows: (resource: Resource) => Row[];
  /** A collection that brings it whole, with `$expand`. */
  readonly via?: string | undefined;
  /** A part's description: it changes seldom, and is not read each time. */
  readonly slow?: boolean;
  /** A sensor, needed only where no other resource has its reading. */
  readonly sensor?: boolean;
}

/** What a walk found. */
export interface Tree {
  readonly planned: readonly Planned[];
  readonly faults: readonly Fault[];
  readonly root: Json;
  /** Where metric reports stand. */
  readonly reports: string | undefined;
}

export interface Member {
  readonly path: string;
  readonly body: Json;
  readonly id: string;
  readonly via: string | undefined;
}

/** Asked for a resource. @throws GatewayError */
export type Get = (path: string) => Promise<Json>;

/** Bounds of one walk; what is beyond them is left out, and a fault says so. */
const most = { requests: 2000, planned: 1000, members: 300, pages: 20 };

/** What all branches of one walk share. */
export class Walk {
  readonly planned: Planned[] = [];
  readonly faults: Fault[] = [];
  readonly #get: Get;
  /** `?$expand=.`, where the service can. */
  #expand: string | undefined;
  #requests = 0;
  readonly #taken = new Set<string>();

  constructor(get: Get) {
    this.#get = get;
  }

  /** Takes note of what the root says of queries. [DSP0266 expand] */
  learn(root: Json): void {
    const can = member(root, "ProtocolFeaturesSupported/ExpandQuery");
    const how = [
      { is: "NoLinks", query: "." },
      { is: "ExpandAll", query: "*" },
    ].find(({ is }) => member(can, is) === true);
    const levels = member(can, "Levels") === true ? "($levels=1)" : "";
    this.#expand = how && `?$expand=${how.query}${levels}`;
  }

  plan(...resources: readonly Planned[]): void {
    for (const one of resources) {
      if (this.#taken.has(one.path)) continue;
      if (this.planned.length >= most.planned) return this.#once("more parts than are read");
      this.#taken.add(one.path);
      this.planned.push(one);
    }
  }

  /** A resource, or undefined with a fault. @throws what no other request would mend */
  async look(path: string | undefined): Promise<Json | undefined> {
    if (path === undefined) return undefined;
    if (this.#requests >= most.requests) {
      this.#once("more resources than are looked at");
      return undefined;
    }
    this.#requests += 1;
    try {
      return await this.#get(path);
    } catch (error) {
      if (!isOfPart(error)) throw error;
      this.faults.push({ code: error.code, at: path });
      return undefined;
    }
  }

  /** A resource that may be missing: without a fault then. */
  async peek(path: string | undefined): Promise<Json | undefined> {
    const faults = this.faults.length;
    const found = await this.look(path);
    this.faults.length = faults;
    return found;
  }

  /** Members of a collection by their paths, page by page. [DSP0266 paging] */
  async list(
    path: string | undefined,
  ): Promise<{ readonly path: string; readonly via?: string }[]> {
    return (await this.#pages(path)).map(({ path: member, via }) => {
      return via === undefined ? { path: member } : { path: member, via };
    });
  }

  /** Members of a collection with their bodies. */
  async members(path: string | undefined): Promise<Member[]> {
    const found: Member[] = [];
    for (const { path: at, body, via } of await this.#pages(path)) {
      const whole = body ?? (await this.look(at));
      if (whole !== undefined) found.push({ path: at, body: whole, id: idOf(whole, at), via });
    }
    return found;
  }

  async #pages(
    path: string | undefined,
  ): Promise<{ path: string; body: Json | undefined; via: string | undefined }[]> {
    const found = new Map<
      string,
      { path: string; body: Json | undefined; via: string | undefined }
    >();
    const seen = new Set<string>();
    let next = path === undefined ? undefined : `${path}${this.#expand ?? ""}`;
    while (next !== undefined && !seen.has(next) && seen.size < most.pages) {
      seen.add(next);
      const page: Json | undefined = await this.#page(next, seen.size === 1 ? path : undefined);
      for (const one of list(page?.["Members"], most.members + 1)) {
        const at = linkOf(one);
        if (at === undefined || found.has(at)) continue;
        if (found.size >= most.members) {
          this.#once(`more than ${most.members} members of ${path}`);
          return [...found.values()];
        }
        const body = record(one);
        const whole = Object.keys(body).some((name) => !name.includes("@"));
        found.set(at, { path: at, body: whole ? body : undefined, via: whole ? next : undefined });
      }
      next = pathOf(page?.["Members@odata.nextLink"]);
    }
    return [...found.values()];
  }

  /** A service that says it can expand, and then cannot, is asked plainly. */
  async #page(path: string, plain: string | undefined): Promise<Json | undefined> {
    if (plain === undefined || path === plain) return this.look(path);
    const page = await this.peek(path);
    if (page !== undefined) return page;
    this.#expand = undefined;
    return this.look(plain);
  }

  #once(at: string): void {
    if (this.faults.some((fault) => fault.at === at)) return;
    this.faults.push({ code: "E_DEVICE_REFUSED", at });
  }
}

/** Names parts of the main thing plainly, of others with its id before, unless it is there. */
export function namedUnder(id: string, main: boolean): (part: string) => string {
  return (part) => (main || part.startsWith(id) ? part : `${id}/${part}`);
}
