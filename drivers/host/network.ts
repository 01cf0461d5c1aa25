/**
 * Network interfaces: traffic from /proc/net/dev, state and speed from /sys/class/net (Linux
 * Documentation/ABI/testing/sysfs-class-net). Virtual ones (bridges, VLANs, containers' ends,
 * loopback) have no device behind them and are left out unless asked for: what goes through them
 * goes through a physical one, or nowhere.
 *
 * The counters are the kernel's own, 64 bits wide, and begin again at 0 with the machine or the
 * interface, as the register says (`restarts`).
 *
 * Below another root the files of process 1 are read: `/proc/net` is the network of whoever reads.
 *
 * Limit: `maxInterfaces`; what is beyond is a fault, once.
 */
import type { HostFiles } from "./files.ts";
import { wholeNumber } from "./files.ts";
import type { Row, Value } from "./row.ts";

const maxInterfaces = 256;
const folder = "/sys/class/net";

/** Columns of /proc/net/dev that are told; errors and drops are sums that the kernel makes. */
const columns = {
  rx_bytes_total: 0,
  tx_bytes_total: 8,
  rx_packets_total: 1,
  tx_packets_total: 9,
  rx_errors_total: 2,
  tx_errors_total: 10,
  rx_dropped_total: 3,
  tx_dropped_total: 11,
} as const;
const columnCount = 16;

/** Down, or without a partner, or without a module to speak of. */
const states: ReadonlyMap<string, number> = new Map([
  ["up", 1],
  ["down", 0],
  ["lowerlayerdown", 0],
  ["notpresent", 0],
  ["dormant", 0],
  ["testing", 0],
]);

/** The part `network` of a session. */
export class NetworkPart {
  readonly #files: HostFiles;
  readonly #all: boolean;
  readonly #counters: string;
  #names: ReadonlySet<string> = new Set();

  constructor(files: HostFiles, interfaces: "physical" | "all") {
    this.#files = files;
    this.#all = interfaces === "all";
    this.#counters = files.root === "/" ? "/proc/net/dev" : "/proc/1/net/dev";
  }

  /** Looks which interfaces there are. */
  async scan(): Promise<void> {
    const names = new Set<string>();
    for (const name of await this.#files.list(folder)) {
      if (!/^[!-.0-~]{1,15}$/.test(name)) continue;
      if (this.#all || (await this.#isPhysical(name))) names.add(name);
    }
    if (names.size > maxInterfaces) {
      this.#files.trouble(`${folder} beyond ${maxInterfaces} interfaces`);
    }
    this.#names = new Set([...names].slice(0, maxInterfaces));
  }

  async read(): Promise<Row[]> {
    if (this.#names.size === 0) return [];
    const counters = await this.#files.read(this.#counters, parseNetDev);
    const rows = await Promise.all(
      [...this.#names].map(async (name): Promise<Row[]> => {
        const counts = counters?.value.get(name);
        const values = { ...this.#traffic(name, counts), ...(await this.#link(name)) };
        if (Object.keys(values).length === 0) return [];
        return [{ measurement: "host_network", channel: ["interface", name], values }];
      }),
    );
    return rows.flat();
  }

  /** It has a device, and not a part of another's that is lent to a virtual machine (SR-IOV). */
  async #isPhysical(name: string): Promise<boolean> {
    const device = await this.#files.link(`${folder}/${name}/device`);
    if (device === undefined) return false;
    return (await this.#files.link(`${folder}/${name}/device/physfn`)) === undefined;
  }

  #traffic(name: string, counts: readonly number[] | undefined): Record<string, Value> {
    const values: Record<string, Value> = {};
    for (const [field, column] of Object.entries(columns)) {
      const value = counts?.[column];
      if (value === undefined) continue;
      values[field] = { value, at: `${this.#counters} ${name}`, raw: String(value) };
    }
    return values;
  }

  async #link(name: string): Promise<Record<string, Value>> {
    const stateAt = `${folder}/${name}/operstate`;
    const speedAt = `${folder}/${name}/speed`;
    const [state, speed] = await Promise.all([
      this.#files.read(stateAt, (text) => text.trim()),
      this.#files.read(speedAt, wholeNumber),
    ]);
    const up = state === undefined ? undefined : states.get(state.value);
    return {
      // Interfaces that cannot tell are `unknown`.
      ...(state !== undefined &&
        up !== undefined && { link_state: { value: up, at: stateAt, raw: state.raw } }),
      // -1 or its unsigned form: the driver does not know. @unit Mbit/s
      ...(speed !== undefined &&
        speed.value > 0 &&
        speed.value < 2 ** 31 && {
          speed_bps: { value: speed.value * 1e6, at: speedAt, raw: speed.raw },
        }),
    };
  }
}

/** Two lines of titles, then `name: 8 columns received, 8 columns sent`. */
export function parseNetDev(text: string): ReadonlyMap<string, readonly number[]> | undefined {
  if (!text.startsWith("Inter-|")) return undefined;
  const interfaces = new Map<string, readonly number[]>();
  for (const line of text.split("\n").slice(2)) {
    const [, name = "", rest = ""] = /^ *(\S+): *([\d ]+)$/.exec(line) ?? [];
    const counts = rest.trim().split(/ +/).map(Number);
    if (name === "" || counts.length !== columnCount) continue;
    if (counts.every(Number.isSafeInteger)) interfaces.set(name, counts);
  }
  return interfaces;
}
