/**
 * The corpus of LoRaWAN products: every profile that ships parses, cites its source, uses the
 * register's names, and decodes the uplinks of its golden folder, which are the examples that the
 * makers publish: `uplinks.txt` holds FPort and payload, `expected.lp` the points of each. `npx
 * vitest -u` rewrites.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeUplink, rowsOf } from "../../../drivers/lorawan/decode.ts";
import { eventOf } from "../../../drivers/lorawan/event.ts";
import { isDecoded } from "../../../drivers/lorawan/profile.ts";
import { problemOf, unitOf } from "../../../telemetry/index.ts";
import { faultLine, lineOf } from "../lines.ts";
import { chirpstackUplink, profileFolder, profileOf } from "./world.ts";

const golden = join(import.meta.dirname, "../../golden/drivers/lorawan");
const ids = (await readdir(profileFolder)).map((name) => name.replace(/\.yaml$/, "")).toSorted();

describe.each(ids)("%s", (id) => {
  test("parses, is called after its file, and says where its facts come from", async () => {
    const profile = await profileOf(id);
    expect(profile.id).toBe(id);
    for (const source of profile.sources) expect(source.length).toBeGreaterThan(10);
    for (const caveat of profile.caveats) expect(caveat).toMatch(/^[A-Z0-9].*\.$/);
  });

  test("gives points that the register knows, each series once, fields with a unit", async () => {
    const rows = rowsOf(await profileOf(id));
    for (const { measurement, tags = {}, fields } of rows) {
      const values = Object.fromEntries(fields.map(({ name }) => [name, 1]));
      expect(problemOf({ measurement, tags, fields: values })).toBeUndefined();
      for (const { name } of fields) expect(unitOf(name)).toBeDefined();
    }
    const series = rows.map(({ measurement, channel }) => `${measurement} ${channel}`);
    expect(new Set(series).size).toBe(series.length);
  });

  test("knows the length of each record it reads", async () => {
    const { header, points } = await profileOf(id);
    const forms = points.flatMap(({ fields }) => Object.values(fields).flat());
    for (const form of forms) {
      if (isDecoded(form)) continue;
      expect(form.record === undefined).toBe(header.form === "fixed");
      if (header.form === "records") expect(header.records).toHaveProperty(form.record ?? "");
    }
  });

  test("decodes its golden uplinks", async () => {
    const profile = await profileOf(id);
    const rows = rowsOf(profile);
    const recorded = await readFile(join(golden, id, "uplinks.txt"), "utf8");
    const lines: string[] = [];
    for (const line of recorded.trim().split("\n")) {
      const [port = "", hex = ""] = line.split(" ");
      const data = Buffer.from(hex, "hex");
      const time = "2026-01-01T00:00:00Z";
      const sent = { eui: "24e124136b000001", counter: 1, port: Number(port), data, time };
      const { topic, payload } = chirpstackUplink(sent);
      const event = eventOf(topic, Buffer.from(payload));
      if (event?.kind !== "up") throw new Error("no uplink");
      const { points, faults } = decodeUplink(profile, rows, event);
      expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
      lines.push(`# ${line}`, ...points.map((point) => lineOf(point)), ...faults.map(faultLine));
    }
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(join(golden, id, "expected.lp"));
  });
});
