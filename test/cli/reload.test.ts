/** A configuration that changes while the program runs. */
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { LoadedConfig } from "../../cli/config.ts";
import { loadConfig } from "../../cli/config.ts";
import { Reload } from "../../cli/reload.ts";
import { clock } from "../../cli/platform.ts";
import { KeptLog, SeededEntropy } from "../virtual.ts";

const patient = { timeout: 20_000 };

function site(limit: number): string {
  return `site: hall
rules:
  hot: { about: Hot, measurement: thermal, field: temp_c, above: ${limit} }
`;
}

async function running() {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-reload-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "site.yaml");
  await writeFile(file, site(27));
  const log = new KeptLog();
  const taken: LoadedConfig[] = [];
  const loaded = await loadConfig(file);
  const platform = { clock, entropy: new SeededEntropy(), log };
  const reload = new Reload(loaded, platform, { rules: (next) => taken.push(next) });
  onTestFinished(() => reload[Symbol.dispose]());
  return { file, log, taken };
}

function thresholds(taken: readonly LoadedConfig[]): unknown[] {
  return taken.map(({ config }) => config.rules["hot"]).map((rule) => rule);
}

test("is taken up at SIGHUP, what needs a restart is named", async () => {
  const { file, log, taken } = await running();
  await writeFile(file, `${site(30)}log: debug\n`);
  process.emit("SIGHUP", "SIGHUP");
  await vi.waitFor(() => {
    expect(thresholds(taken)).toMatchObject([{ threshold: { limit: 30 } }]);
    expect(log.entries).toContainEqual(
      expect.objectContaining({
        event: "configuration waits for a restart",
        fields: { sections: "log" },
      }),
    );
  }, patient);
});

test("is taken up when the file was changed, and not again", async () => {
  const { file, log, taken } = await running();
  await writeFile(file, site(31));
  await utimes(file, new Date(), new Date(Date.now() + 5000));
  await vi.waitFor(() => expect(taken).toHaveLength(1), patient);
  expect(log.count("configuration was taken up")).toBe(1);
});

test("with a mistake changes nothing, and says where it is", async () => {
  const { file, log, taken } = await running();
  await writeFile(file, site(28).replace("temp_c", "temp_x"));
  process.emit("SIGHUP", "SIGHUP");
  await vi.waitFor(() => expect(log.count("configuration was not taken up")).toBe(1), patient);
  expect(taken).toEqual([]);
  expect(JSON.stringify(log.entries)).toContain("site.yaml:3");
  await writeFile(file, site(29));
  process.emit("SIGHUP", "SIGHUP");
  await vi.waitFor(() => {
    expect(thresholds(taken)).toMatchObject([{ threshold: { limit: 29 } }]);
  }, patient);
});
