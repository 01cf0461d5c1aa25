/**
 * Golden explanations: `config.yaml` is what the one who asks has, `stored.json` what is stored,
 * `meta.json` what agents have published (by class/device), `ask.json` the question, asked on
 * 2026-11-24 at 10:00 UTC. `npx vitest run test/golden/explain.test.ts -u` rewrites.
 */
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { v } from "../../config/index.ts";
import { loadConfig } from "../../cli/config.ts";
import { explainedText } from "../../cli/explain-text.ts";
import { explainAnswer } from "../../cli/explain.ts";
import type { Provenance, Provenances } from "../../cli/provenance.ts";
import { configuredProvenances, deviceKey, provenanceOf } from "../../cli/provenance.ts";
import { queryOf } from "../../cli/query-ask.ts";
import { openSqlite } from "../../store/sqlite/engine.ts";
import type { Tags } from "../../telemetry/index.ts";
import { realPlatform, temporaryFolder, wideBounds } from "../store/rig.ts";

const folder = join(import.meta.dirname, "cli/explain");
const now = Date.UTC(2026, 10, 24, 10);
const never = new AbortController().signal;

const texts = v.record(v.string(), v.string());
const stored = v.array(
  v.object({
    measurement: v.string(),
    tags: texts,
    fields: v.record(v.string(), v.union([v.number(), v.string()])),
    time: v.number(),
  }),
);
const question = v.object({
  measurement: v.string(),
  field: v.array(v.string()),
  since: v.string(),
  aggregate: v.optional(v.string(), "last"),
  every: v.optional(v.string()),
});

function json(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** What agents have published, as a broker would hand it on. */
function published(path: string): Provenances {
  const found = new Map<string, Provenance>();
  if (!existsSync(path)) return found;
  const metas = v.parse(v.record(v.string(), v.unknown()), json(path));
  for (const [levels, payload] of Object.entries(metas)) {
    const [kind = "", device = ""] = levels.split("/");
    const address = { region: "local", org: "main", site: "lab", class: kind, device };
    const known = provenanceOf(address, Buffer.from(JSON.stringify(payload)));
    if (known !== undefined) found.set(deviceKey({ ...address }), known);
  }
  return found;
}

async function explained(subject: string) {
  const at = (name: string): string => join(folder, subject, name);
  const platform = realPlatform([], () => now);
  await using room = await temporaryFolder();
  const limits = { path: room.file("store.sqlite"), ...wideBounds };
  await using store = await openSqlite(limits, platform);
  await store.write(v.parse(stored, json(at("stored.json"))), never);
  const loaded = await loadConfig(at("config.yaml"));
  const { measurement, ...asked } = v.parse(question, json(at("ask.json")));
  const given = { ...asked, every: asked.every, until: "0s", where: [] };
  const rest = { by: undefined, quality: undefined };
  const query = await queryOf(store, measurement, {
    given: { ...given, ...rest },
    now,
    signal: never,
  });
  const provenances = async (devices: readonly Tags[]): Promise<Provenances> => {
    const keys = new Set(devices.map(deviceKey));
    const configured = await configuredProvenances(loaded, keys, platform);
    return new Map([...configured, ...published(at("meta.json"))]);
  };
  const arrangement = { order: "asc", limit: undefined };
  const witnesses = { store, signal: never, provenances, live: undefined };
  return await explainAnswer(query, arrangement, witnesses);
}

describe("golden explanations", async () => {
  it.each(await readdir(folder))("%s", async (subject) => {
    const answer = await explained(subject);
    const file = (name: string): string => join(folder, subject, name);
    await expect(`${explainedText(answer, now)}\n`).toMatchFileSnapshot(file("expected.txt"));
    const text = `${JSON.stringify(answer, null, 1)}\n`;
    await expect(text).toMatchFileSnapshot(file("expected.json"));
  });
});
