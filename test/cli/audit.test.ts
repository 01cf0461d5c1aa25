/** `rackstreet audit` on a site that ran: it adds up, and each planted fault is found. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";
import { freePort } from "../ports.ts";
import { realPlatform } from "../store/rig.ts";
import type { Ended } from "./run.ts";
import { openFolder, rackstreet, start } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());
const at = { cwd: folder.path };
const signal = new AbortController().signal;

const file = folder.write(
  "site.yaml",
  `site: lab
agent: { data: agent, health: 1s }
hub: { data: hub, health: 1s }
store: { engine: sqlite, path: store.sqlite }
broker: { listen: ["mqtt://127.0.0.1:${await freePort()}"] }
devices:
  a: { driver: sim, interval: 100ms }
  b: { driver: sim, measurement: thermal, interval: 100ms }
`,
);
/** The same store, seen from a machine without the agent's spool. */
const elsewhere = folder.write(
  "elsewhere.yaml",
  `site: lab
agent: { data: nowhere, uplink: { url: "mqtt://127.0.0.1:1" } }
hub: { data: nowhere }
store: { engine: sqlite, path: store.sqlite }
`,
);

async function withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const path = `${folder.path}/store.sqlite`;
  const options = v.parse(storeOptions, { engine: "sqlite", path });
  await using store = await openStore(options, realPlatform());
  return await use(store);
}

/** The first rows of the batches of device a, as they rest. */
async function numbered(): Promise<Line[]> {
  return withStore(async (store) => {
    const span = { measurement: "rack_phase", where: { device: "a" }, from: 0, to: 4e12 };
    const lines: Line[] = [];
    for await (const piece of store.scan(span, signal)) lines.push(...piece);
    return lines.filter(({ fields }) => "seq" in fields);
  });
}

/** Writes the row of a batch again with other numbers in it: a batch that went astray. */
async function renumber(line: Line | undefined, seq: number): Promise<void> {
  if (line === undefined) throw new Error("no such row");
  await withStore((store) => store.write([{ ...line, fields: { ...line.fields, seq } }], signal));
}

function seqOf(line: Line | undefined): number {
  return Number(line?.fields["seq"]);
}

function audit(config: string, ...more: readonly string[]): Promise<Ended> {
  return rackstreet(["audit", config, ...more], at);
}

describe("audit", () => {
  beforeAll(async () => {
    const { code } = await rackstreet(["up", file, "--for", "4s", "--json"], at);
    expect(code).toBe(0);
  });

  test("of an orderly site adds up to the last batch, with the spool's ledger", async () => {
    const { code, out } = await audit(file, "--json");
    const { addsUp, agents } = JSON.parse(out);
    expect([code, addsUp, agents.length]).toEqual([0, true, 1]);
    const [agent] = agents;
    expect(agent).toMatchObject({ agent: "local/main/lab/agent", missing: 0, doubled: 0 });
    expect(agent.offered).toBeGreaterThan(50);
    expect([agent.stored, agent.queued]).toEqual([agent.offered, 0]);
    expect(agent.ledgers).toMatchObject([
      { source: "spool", addsUp: true, offered: agent.offered },
    ]);
  });

  test("leaves the numbers out of `query`, unless asked", async () => {
    const { out } = await rackstreet(["query", "thermal", "-c", file, "--csv"], at);
    expect(out).toMatch(/^time,device,sensor,.*temp_c/);
    expect(out).not.toMatch(/\b(seq|stream)\b/);
    const asked = await rackstreet(["query", "thermal", "-c", file, "--field", "seq"], at);
    expect(asked.out).toMatch(/ seq /);
  });

  test("from elsewhere goes by the agent's reports in the store", async () => {
    const { code, out } = await audit(elsewhere, "--json");
    const { agents, notes } = JSON.parse(out);
    expect([code, agents[0].missing, agents[0].ledgers]).toEqual([0, 0, []]);
    expect(agents[0].offered).toBeGreaterThan(10);
    expect(notes).toHaveLength(2);
  });

  test("while the site runs waits for what was queued, and asks the broker", async () => {
    await using site = start(["up", file, "--for", "15s", "--json"], at);
    await site.shown("first batch stored");
    const { code, out, err } = await audit(file, "--wait", "10s", "--json");
    expect(code, err).toBe(0);
    const { agents } = JSON.parse(out);
    expect(agents[0]).toMatchObject({ missing: 0, doubled: 0, addsUp: true });
    expect(agents[0].ledgers).toMatchObject([
      { source: "mqtt", addsUp: true },
      { source: "spool" },
    ]);
    site.stop("SIGTERM");
    expect(await site.ended).toMatchObject({ code: 0 });
  });

  test("finds one that is missing, says which, and exits 65", async () => {
    const line = (await numbered()).at(3);
    const seq = seqOf(line);
    await renumber(line, 4_000_000);
    const { code, out } = await audit(file);
    expect(code).toBe(65);
    expect(out).toMatch(/local\/main\/lab\/agent +store .* 1 +0 +NO/);
    expect(out).toMatch(new RegExp(`not found.*\\b${seq}\\b`));
    expect((await audit(elsewhere)).code).toBe(65);
    await renumber(line, seq);
    expect((await audit(file)).code).toBe(0);
  });

  test("counts what the hub set aside as refused", async () => {
    const line = (await numbered()).at(5);
    const seq = seqOf(line);
    await renumber(line, 4_000_002);
    const checkpoint = `${folder.path}/agent/spool/checkpoint.json`;
    const { stream } = JSON.parse(readFileSync(checkpoint, "utf8"));
    folder.write(
      "hub/set-aside.jsonl",
      `${JSON.stringify({ reason: "test", stream, seq })}\n{"torn`,
    );
    const { code, out } = await audit(file, "--json");
    expect(JSON.parse(out).agents[0]).toMatchObject({ missing: 0, refused: 1 });
    expect(code).toBe(0);
  });

  test("of an agent that is not there names those that are, and exits 75", async () => {
    const { code, err } = await audit(file, "--agent", "edge-9");
    expect(code).toBe(75);
    expect(err).toContain("E_AUDIT: no agent edge-9 has reported to this store; there are agent");
  });

  // Last: what is there twice stays there.
  test("finds one that is there twice, and exits 65", async () => {
    const line = (await numbered()).at(4);
    await renumber(line === undefined ? line : { ...line, time: line.time + 3 }, seqOf(line));
    const { code, out } = await audit(file, "--json");
    expect(code).toBe(65);
    expect(JSON.parse(out).agents[0]).toMatchObject({ missing: 0, doubled: 1, addsUp: false });
  });
});
