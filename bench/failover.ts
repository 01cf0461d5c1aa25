/**
 * Failover on measured loads, ours only: random rooms with two feeds, loads measured at PDUs with
 * random shares of the two cords. In half of them one rating is so small that it holds now and
 * not when the other feed fails; that one, and no other element, must be found.
 */
import type { Measured, MeterSamples } from "../alerts/index.ts";
import { capacityOf } from "../alerts/index.ts";
import type { Topology } from "../config/index.ts";
import { topologyOf, topologyOptions, v } from "../config/index.ts";

const sites = 200;
const hour = 3_600_000;
const frame = { from: 0, to: 24 * hour, every: hour };

/** Mulberry32: the same sites on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Rack {
  readonly name: string;
  readonly watts: number;
  /** Share of feed A. */
  readonly share: number;
  readonly board: number;
}

interface Site {
  readonly topology: Topology;
  readonly measured: Measured;
  /** The element whose rating is too small, if any. */
  readonly planted: string | undefined;
}

/** Racks on boards behind one ups a feed; all ratings carry everything with a tenth to spare. */
function siteOf(random: () => number, faulty: boolean): Site {
  const boards = 1 + Math.floor(random() * 3);
  const racks = Array.from({ length: 2 + Math.floor(random() * 20) }, (_, at): Rack => {
    const watts = 1000 + random() * 9000;
    return { name: `r${at}`, watts, share: 0.3 + random() * 0.4, board: at % boards };
  });
  const equipment: Record<string, unknown> = { grid: { kind: "source" } };
  const carried = new Map<string, { readonly now: number; readonly failed: number }>();
  const put = (id: string, inside: readonly Rack[], feed: string): void => {
    const failed = inside.reduce((sum, { watts }) => sum + watts, 0);
    const now = inside.reduce((sum, rack) => sum + onFeed(rack, feed), 0);
    carried.set(id, { now, failed });
  };
  for (const feed of ["a", "b"]) {
    put(`ups-${feed}`, racks, feed);
    for (let board = 0; board < Math.min(boards, racks.length); board += 1) {
      const inside = racks.filter((rack) => rack.board === board);
      put(`board-${feed}${board}`, inside, feed);
    }
    for (const rack of racks) put(`cb-${rack.name}-${feed}`, [rack], feed);
  }
  const names = [...carried.keys()];
  const planted = faulty ? names[Math.floor(random() * names.length)] : undefined;
  const between = random();
  const limitOf = (id: string): number => {
    const { now, failed } = carried.get(id) ?? { now: 0, failed: 0 };
    return id === planted ? now + (failed - now) * (0.05 + 0.9 * between) : failed * 1.1;
  };
  for (const feed of ["a", "b"]) {
    const ups = `ups-${feed}`;
    equipment[ups] = { kind: "ups", feed: feed.toUpperCase(), fedBy: "grid", ...va(limitOf(ups)) };
    for (let board = 0; board < Math.min(boards, racks.length); board += 1) {
      const id = `board-${feed}${board}`;
      equipment[id] = { kind: "switchboard", fedBy: ups, current: amperes(limitOf(id), 1) };
    }
    for (const { name, board } of racks) {
      const id = `cb-${name}-${feed}`;
      const fedBy = `board-${feed}${board}`;
      equipment[id] = { kind: "breaker", fedBy, current: amperes(limitOf(id), 0.8) };
      const meters = { device: `m-${name}-${feed}`, measurement: "rack_power" };
      equipment[`pdu-${name}-${feed}`] = { kind: "pdu", rack: name, fedBy: id, meters };
    }
  }
  return { topology: built(racks, equipment), measured: measuredOf(racks), planted };
}

function onFeed({ watts, share }: Rack, feed: string): number {
  return watts * (feed === "a" ? share : 1 - share);
}

function va(limit: number): { readonly apparent: string } {
  return { apparent: `${limit.toFixed(3)}VA` };
}

/** Of three phases at 230 V. */
function amperes(limit: number, derate: number): string {
  return `${(limit / 690 / derate).toFixed(6)}A`;
}

function built(racks: readonly Rack[], equipment: Readonly<Record<string, unknown>>): Topology {
  const feeds = ["A", "B"];
  const named = Object.fromEntries(racks.map(({ name }) => [name, {}]));
  const options = v.parse(topologyOptions, { redundancy: "2N", feeds, racks: named, equipment });
  const devices = racks.flatMap(({ name }) =>
    ["a", "b"].map((feed) => ({ id: `m-${name}-${feed}` })),
  );
  return topologyOf(options, { name: "site", devices });
}

function measuredOf(racks: readonly Rack[]): Measured {
  const meters = new Map<string, MeterSamples>();
  for (const rack of racks) {
    for (const feed of ["a", "b"]) {
      const values = new Float64Array(24).fill(onFeed(rack, feed));
      meters.set(`pdu-${rack.name}-${feed}`, { series: [{ unit: "W", values }], phases: {} });
    }
  }
  return { frame, since: frame.to - frame.from, least: 0.5, meters };
}

export function run(): Promise<unknown> {
  const random = seeded(20_261_125);
  let planted = 0;
  let found = 0;
  let wrong = 0;
  let elements = 0;
  for (let at = 0; at < sites; at += 1) {
    const site = siteOf(random, at % 2 === 0);
    if (site.planted !== undefined) planted += 1;
    for (const { element, headroom, failover } of capacityOf(site.topology, site.measured)
      .elements) {
      elements += 1;
      const told = failover !== undefined && failover.headroom < -1e-6;
      if (told && element.id === site.planted && (headroom ?? 0) >= -1e-6) found += 1;
      else if (told) wrong += 1;
    }
  }
  process.stderr.write(
    `failover: ${found} of ${planted} planted faults found, ${wrong} wrong ones, in ` +
      `${sites} sites of ${Math.round(elements / sites)} elements on average\n`,
  );
  return Promise.resolve({
    bench: "failover",
    ours: found / planted,
    peer: null,
    ratio: null,
    unit: "share of planted failover faults found",
    goal: 1,
    planted,
    found,
    wrong,
  });
}
