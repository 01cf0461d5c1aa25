/**
 * Golden documents of `http-json`, `exec` and `mqtt`, written from public documents of the makers
 * (cited in the profiles): `device.yaml` holds the options or names the profile, each other text a
 * document (`messages.txt`: topic and payload), `expected.lp` what becomes of them. `npx vitest -u`
 * rewrites.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { profileSchema, readYaml, v, validate, YamlFile } from "../../config/index.ts";
import { execOptionsSchema } from "../../drivers/exec/options.ts";
import { httpJsonOptionsSchema, httpJsonProfile } from "../../drivers/http-json/options.ts";
import type { Mapped, MappingParts } from "../../drivers/mapping/mapping.ts";
import { Mapping, pointOf } from "../../drivers/mapping/mapping.ts";
import { documentOf } from "../../drivers/mapping/text.ts";
import { mqttProfile } from "../../drivers/mqtt/options.ts";
import { levelNames, topicForm } from "../../drivers/mqtt/topic.ts";
import { problemOf } from "../../telemetry/index.ts";
import { VirtualClock } from "../virtual.ts";
import { faultLine, lineOf } from "../drivers/lines.ts";

const golden = join(import.meta.dirname, "drivers");
const shipped = join(import.meta.dirname, "../../config/profiles");
const casesOf = async (driver: string) => (await readdir(join(golden, driver))).toSorted();
const profilesOf = async (driver: string) =>
  (await readdir(join(shipped, driver))).map((name) => name.replace(/\.yaml$/, "")).toSorted();

type Wanted = Pick<MappingParts, "rows" | "time" | "documents" | "levels">;

const mappingOf = (wanted: Wanted) =>
  new Mapping({ ...wanted, clock: new VirtualClock(), memory: undefined });

function linesOf({ parts, faults }: Mapped): string[] {
  const points = parts.map(pointOf);
  expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
  return [...points.map((point) => lineOf(point)), ...faults.map(faultLine)];
}

async function expectGolden(folder: string, lines: readonly string[]): Promise<void> {
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(join(golden, folder, "expected.lp"));
}

async function deviceIn(folder: string): Promise<unknown> {
  const path = join(golden, folder, "device.yaml");
  return new YamlFile(path, await readFile(path, "utf8")).data;
}

describe.each(await casesOf("mqtt"))("mqtt: %s", (id) => {
  const form = profileSchema("mqtt", mqttProfile);

  test("gives what was expected of its messages", async () => {
    const profile = validate(form, await readYaml(join(shipped, `mqtt/${id}.yaml`)));
    expect(profile.id).toBe(id);
    const { topics } = profile.header;
    const levels = Object.values(topics).flatMap(({ topic }) => levelNames(topic));
    const mapping = mappingOf({
      rows: profile.points,
      time: profile.header.time,
      documents: Object.keys(topics),
      levels,
    });
    const lines: string[] = [];
    const messages = await readFile(join(golden, "mqtt", id, "messages.txt"), "utf8");
    for (const message of messages.trim().split("\n")) {
      const [topic = "", payload = ""] = message.split(/ (.*)/s);
      lines.push(`# ${topic}`);
      for (const [name, { topic: written }] of Object.entries(topics)) {
        const form = topicForm(written, { device: "x" });
        if (form.match(topic.split("/")) === undefined) continue;
        const data = documentOf(payload, { format: "json", separator: "" }, name);
        lines.push(...linesOf(mapping.map({ name, data, texts: false })));
      }
    }
    await expectGolden(`mqtt/${id}`, lines);
  });
});

test("every profile that ships has a golden case", async () => {
  expect(await casesOf("mqtt")).toEqual(await profilesOf("mqtt"));
  expect(await casesOf("http-json")).toEqual(expect.arrayContaining(await profilesOf("http-json")));
});

describe.each(await casesOf("http-json"))("http-json: %s", (id) => {
  const form = profileSchema("http-json", httpJsonProfile);

  test("gives what was expected of its answers", async () => {
    const folder = `http-json/${id}`;
    const given = v.parse(
      v.looseObject({ profile: v.optional(v.string()) }),
      await deviceIn(folder),
    );
    const options = v.parse(httpJsonOptionsSchema, { url: "http://10.0.0.1", ...given });
    const path = join(shipped, `http-json/${given.profile}.yaml`);
    const profile = given.profile === undefined ? undefined : validate(form, await readYaml(path));
    const requests = { ...profile?.header.requests, ...options.requests };
    const mapping = mappingOf({
      rows: [...(profile?.points ?? []), ...(options.rows ?? [])],
      time: options.time ?? profile?.header.time,
      documents: Object.keys(requests),
      levels: [],
    });
    const lines: string[] = [];
    for (const name of Object.keys(requests)) {
      const text = await readFile(join(golden, folder, `${name}.txt`), "utf8");
      const data = documentOf(text, { format: "json", separator: "" }, name);
      lines.push(`# ${name}`, ...linesOf(mapping.map({ name, data, texts: false })));
    }
    await expectGolden(folder, lines);
  });
});

describe.each(await casesOf("exec"))("exec: %s", (id) => {
  test("gives what was expected of its output", async () => {
    const folder = `exec/${id}`;
    const options = v.parse(execOptionsSchema, await deviceIn(folder));
    const { format = "json", time, rows = [] } = options;
    const mapping = mappingOf({ rows, time, documents: ["output"], levels: [] });
    const text = await readFile(join(golden, folder, "output.txt"), "utf8");
    const separator = options.separator ?? (format === "csv" ? "," : "=");
    const data = documentOf(text, { format, separator }, "output");
    const mapped = mapping.map({ name: "output", data, texts: format !== "json" });
    await expectGolden(folder, linesOf(mapped));
  });
});
