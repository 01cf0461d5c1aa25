/**
 * What integrators are promised (docs/for-integrators.md), with clients that nobody here wrote:
 * each command of the page gives what the page says, the AsyncAPI document is valid by AsyncAPI's
 * own schema, has each topic that its user hears and none that it does not, and what is heard there
 * is valid by its schemas.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { v } from "../../config/index.ts";
import { root } from "../cli/run.ts";
import { needs } from "../peers.ts";
import { freePort } from "../ports.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { startRackstreet } from "../rackstreet.ts";

const run = promisify(execFile);
const ready = needs("mosquitto_pub", "mosquitto-clients") && needs("curl", "curl");
const page = readFileSync(join(root, "docs/for-integrators.md"), "utf8");
const prefix = "rackstreet/v1/local/main/hall";

process.env["CITY"] = "city-secret";

const folder = mkdtempSync(join(tmpdir(), "rackstreet-integrators-"));
let site: Rackstreet | undefined;
let ports: readonly number[] = [];

/** A text of the page, with ports that are free here. */
function here(text: string): string {
  return text.replaceAll("1883", String(ports[0])).replaceAll("9464", String(ports[1]));
}

/** The commands of the page, each with its further lines. */
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = ""]) =>
  block.replaceAll("\\\n", " ").replaceAll("\n)", " )").trim().split("\n"),
);

/** Runs a command of the page as its reader does; mosquitto's need the port besides. */
async function typed(command: string): Promise<string> {
  const words = here(command).replaceAll(/mosquitto_\w+/g, `$& -p ${ports[0]}`);
  const program = `rackstreet() { ${process.execPath} ${root}/cli/main.ts "$@"; }; ${words}`;
  const { stdout } = await run("bash", ["-c", program], { cwd: folder, timeout: 40_000 });
  return stdout;
}

function commandWith(...words: readonly string[]): string {
  const found = commands.find((command) => words.every((word) => command.includes(word)));
  if (found === undefined) throw new Error(`the page has no command with ${words.join(" ")}`);
  return found;
}

beforeAll(async () => {
  if (!ready) return;
  ports = [await freePort(), await freePort()];
  const [, file = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const config = here(file).replaceAll("data/", `${folder}/data/`);
  writeFileSync(join(folder, "hub.yaml"), config);
  site = startRackstreet(["up", join(folder, "hub.yaml"), "--json"]);
  await site.logged("console started");
  // Until both devices and the hub have said all of themselves.
  await vi.waitFor(
    async () => {
      const entries = v.parse(v.array(v.unknown()), JSON.parse(await typed(exported)));
      expect(entries).toMatchObject([{ meta: { v: 1 }, state: { state: "online" } }]);
    },
    { timeout: 60_000, interval: 500 },
  );
  await typed(commandWith("> city.json"));
}, 120_000);

afterAll(async () => {
  await site?.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

const exported = commands.find((command) => command.endsWith("--format json")) ?? "";

describe.skipIf(!ready)("for integrators", () => {
  test("whoami names rights, requests, and where to ask", async () => {
    const told: unknown = JSON.parse(await typed(commandWith("whoami")));
    expect(told).toMatchObject({
      user: "city",
      read: ["rackstreet/v1/local/main/+/power/#"],
      write: [],
      ask: `${prefix}/hub/hub/ask`,
      answer: `${prefix}/client/city-app/answer`,
      requests: expect.arrayContaining(["latest", "catalog", "replay", "cancel"]),
    });
  });

  test("live telemetry comes at once", async () => {
    const message: unknown = JSON.parse(await typed(commandWith("mosquitto_sub", "telemetry")));
    expect(message).toMatchObject({ v: 1, points: [{ measurement: "rack_phase" }, {}, {}] });
  });

  test("latest is the same over MQTT, by the command and over HTTP", async () => {
    const thing = {
      topic: `${prefix}/power/pdu-1/telemetry`,
      state: { state: "online" },
      message: { v: 1 },
    };
    const answer: unknown = JSON.parse(await typed(commandWith("mosquitto_pub")));
    expect(answer).toMatchObject({ v: 1, id: "1", part: 1, last: true, ok: [thing] });
    expect(JSON.parse(await typed(commandWith("ask latest")))).toMatchObject([thing]);
    const overHttp = await typed(commandWith("curl", "latest"));
    expect(JSON.parse(overHttp)).toMatchObject({ v: 1, ok: [thing] });
    const stranger = commandWith("curl").replace("$CITY", "wrong").replace("-sSf", "-sS");
    expect(JSON.parse(await typed(stranger))).toMatchObject({ problem: "credentials" });
    const wide = commandWith("curl").replace("main/%2B/power", "main").replace("-sSf", "-sS");
    const problem = expect.stringContaining("this user reads");
    expect(JSON.parse(await typed(wide))).toMatchObject({ v: 1, problem });
  });

  test("replay gives what the store has", async () => {
    const lines = (await typed(commandWith("ask replay"))).trim().split("\n");
    const [first, last] = lines.map((line): unknown => JSON.parse(line));
    const batch = { seq: expect.any(Number), points: [{ measurement: "rack_phase" }, {}, {}] };
    expect(first).toMatchObject({ batches: [batch, batch, batch] });
    expect(last).toEqual({ batches: 3, all: false });
  });
});

const document = v.looseObject({
  channels: v.record(v.string(), v.looseObject({ address: v.string() })),
  operations: v.record(v.string(), v.unknown()),
  components: v.looseObject({ schemas: v.record(v.string(), v.looseObject({})) }),
});

/** What somebody hears on a filter within a time: topics and payloads. */
async function heard(filter: string): Promise<readonly (readonly [string, string])[]> {
  const words = `-p ${ports[0]} -u city -P city-secret -W 3 -v -t`.split(" ");
  const child = spawn("mosquitto_sub", [...words, filter]);
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  await new Promise((resolve) => child.once("close", resolve));
  const lines = text.trim().split("\n");
  return lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" "))]);
}

describe.skipIf(!ready)("the AsyncAPI document of a user", () => {
  function exportedDocument() {
    const raw: unknown = JSON.parse(readFileSync(join(folder, "city.json"), "utf8"));
    return { raw, ...v.parse(document, raw) };
  }

  test("is valid by AsyncAPI's own schema", () => {
    const path = createRequire(import.meta.url).resolve(
      "@asyncapi/specs/schemas/3.0.0-without-$id.json",
    );
    const specification = v.parse(v.looseObject({}), JSON.parse(readFileSync(path, "utf8")));
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const validate = ajv.compile(specification);
    const { raw } = exportedDocument();
    validate(raw);
    expect(validate.errors).toBeNull();
    expect(validate({ ...v.parse(v.looseObject({}), raw), asyncapi: "2.6.0" })).toBe(false);
  });

  test("has each topic that the user hears, and none that it does not", async () => {
    const { channels } = exportedDocument();
    const addresses = Object.values(channels).map(({ address }) => address);
    const device = `${prefix}/power/pdu-1`;
    const own = ["answer", "denied", "whoami"].map((kind) => `${prefix}/client/{client}/${kind}`);
    const kinds = ["telemetry", "backfill", "event", "meta", "state", "alert"];
    const all = [...kinds.map((kind) => `${device}/${kind}`), `${prefix}/hub/hub/ask`, ...own];
    expect(addresses).toEqual(all);
    const messages = await heard("rackstreet/v1/local/main/+/power/#");
    expect(messages.length).toBeGreaterThan(2);
    expect(messages.every(([topic]) => addresses.includes(topic))).toBe(true);
  });

  test("has schemas that hold for what is heard, and for no other", async () => {
    const { components } = exportedDocument();
    const ajv = new Ajv({ strict: false });
    const checks = new Map(
      Object.entries(components.schemas).map(([name, schema]) => [name, ajv.compile(schema)]),
    );
    const messages = await heard("rackstreet/v1/local/main/+/power/#");
    const seen = new Set<string>();
    for (const [topic, payload] of messages) {
      const kind = topic.slice(topic.lastIndexOf("/") + 1);
      const check = checks.get(kind === "telemetry" ? "telemetry.rack_phase" : kind);
      const body = v.parse(v.looseObject({}), JSON.parse(payload));
      expect([kind, check?.(body), check?.errors]).toEqual([kind, true, null]);
      expect(check?.({ ...body, v: 2 })).toBe(false);
      seen.add(kind);
    }
    expect([...seen]).toEqual(expect.arrayContaining(["telemetry", "meta", "state"]));
  });
});
