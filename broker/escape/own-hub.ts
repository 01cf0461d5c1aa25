/**
 * A hub for an audit alone: the rights and limits of a configuration, on a free port of this
 * machine, without store or memory. Passwords are replaced, so that none is needed, and quotas and
 * sessions of others left out, so that they hold up nothing.
 */
import type { DeviceAddress, Entropy, Platform, Site } from "../../telemetry/index.ts";
import { address as addressForm, Secret, v } from "../../config/index.ts";
import { Desk } from "../asking/desk.ts";
import { catalogRequest, latestRequest } from "../asking/latest.ts";
import type { Retained } from "../asking/retained.ts";
import { startHub } from "../hub.ts";
import type { BrokerOptions } from "../options.ts";
import { dialer } from "./dial.ts";
import type { Account, Doors } from "./member.ts";
import { whoIs } from "./rights.ts";

export interface AuditedHub extends AsyncDisposable {
  readonly accounts: readonly Account[];
  readonly admin: { readonly user: string; readonly password: string };
  readonly doors: Doors;
  /** Where it is asked. */
  readonly address: DeviceAddress;
}

const anything = Buffer.from("{}");

/**
 * What clients may ask of an audited hub. Borders are tried, not payloads: those of an audit are
 * none that a device publishes.
 */
export function deskOfAudit(retained: Retained, hub: DeviceAddress, platform: Platform): Desk {
  const every: Retained = (filter) =>
    [...retained(filter)].map(({ topic }) => ({ topic, payload: anything }));
  return new Desk({ ...platform, hub, requests: [latestRequest(every), catalogRequest(every)] });
}

/** @throws E_CONFIG, E_ADDRESS_REFUSED */
export async function startAuditedHub(
  broker: BrokerOptions,
  site: Site,
  platform: Platform,
): Promise<AuditedHub> {
  const { entropy, clock } = platform;
  const accounts = Object.entries(broker.users).map(([name, user]) => ({
    who: whoIs(name, user, site),
    password: unguessable(entropy),
  }));
  const users = accounts.map(({ who, password }) => {
    const {
      password: _,
      passwordHash: __,
      certificate: ___,
      ...user
    } = broker.users[who.name] ?? {
      role: "reader",
      read: [],
      set: [],
    };
    return [who.name, { ...user, password: new Secret(password) }] as const;
  });
  const admin = { user: `audit-${entropy.id()}`, password: unguessable(entropy) };
  const auditor = {
    role: "admin",
    read: [],
    set: [],
    password: new Secret(admin.password),
  } as const;
  const options: BrokerOptions = {
    listen: [v.parse(addressForm({ mqtt: 1883 }), "mqtt://127.0.0.1:0")],
    proxies: [],
    mqtt5: broker.mqtt5,
    users: { ...Object.fromEntries(users), [admin.user]: auditor },
    limits: { ...broker.limits, rate: {} },
    tenants: {},
    sessions: broker.sessions,
  };
  const address = { ...site, class: "hub", device: "hub" };
  const desk = deskOfAudit((filter) => hub.retained?.(filter) ?? [], address, platform);
  const hooks = { site, desk, message: () => undefined, room: () => undefined };
  const hub = await startHub(options, platform, hooks);
  const port = Number(hub.addresses[0]?.split(":").at(-1));
  return {
    accounts,
    admin,
    address,
    doors: { clock, dial: dialer({ host: "127.0.0.1", port, apart: true }) },
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

function unguessable(entropy: Entropy): string {
  return `${entropy.id()}${entropy.id()}`;
}
