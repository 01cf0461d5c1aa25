/**
 * What `store init` sends to InfluxDB 2 and 3, shown and done. Requests as documented:
 * docs.influxdata.com/influxdb/v2/api/v2/ (orgs, buckets),
 * docs.influxdata.com/influxdb3/core/admin/databases/create/
 */
import { expect, test } from "vitest";
import { v } from "../../config/index.ts";
import { provisionOf, storeOptions } from "../../store/index.ts";
import { durationText } from "../../store/steps.ts";
import type { Answer, HttpServer, Request } from "./http_server.ts";
import { serve } from "./http_server.ts";
import { realPlatform } from "./rig.ts";

const signal = new AbortController().signal;

/** Buckets and databases in memory. */
async function server(): Promise<HttpServer & { readonly held: Map<string, unknown> }> {
  const held = new Map<string, unknown>();
  const answerTo = ({ method, path, body }: Request): Answer => {
    const url = new URL(path, "http://server");
    const sent: Record<string, unknown> = body === "" ? {} : JSON.parse(body);
    if (url.pathname === "/ping")
      return { status: 204, headers: { "X-Influxdb-Version": "v2.7.1" } };
    if (url.pathname === "/api/v2/orgs") {
      return { status: 200, body: JSON.stringify({ orgs: [{ id: "0a", name: "power" }] }) };
    }
    if (url.pathname === "/api/v3/configure/database") {
      if (held.has(String(sent["db"]))) {
        return {
          status: 409,
          body: '{"error":"attempted to create a resource that already exists"}',
        };
      }
      held.set(String(sent["db"]), sent["retention_period"]);
      return { status: 200 };
    }
    if (method === "GET") {
      const name = url.searchParams.get("name");
      return { status: 200, body: JSON.stringify({ buckets: [{ id: `id-${name}`, name }] }) };
    }
    const [, id = ""] = url.pathname.split("/id-");
    const name = typeof sent["name"] === "string" ? sent["name"] : id;
    if (method === "POST" && held.has(name)) {
      const message = `bucket with name ${name} already exists`;
      return { status: 422, body: JSON.stringify({ code: "conflict", message }) };
    }
    held.set(name, sent["retentionRules"]);
    return { status: method === "POST" ? 201 : 200, body: "{}" };
  };
  return Object.assign(await serve(answerTo), { held });
}

async function init(options: object): Promise<{ sends: string[]; outcomes: string[] }> {
  const parsed = v.parse(storeOptions, options);
  await using provision = await provisionOf(parsed, realPlatform(), signal);
  const outcomes: string[] = [];
  for (const step of provision.steps) outcomes.push(await step.run(signal));
  return { sends: provision.steps.map(({ sends }) => sends), outcomes };
}

test("InfluxDB 2: buckets with their retention, made once", async () => {
  await using own = await server();
  const options = {
    engine: "influxdb2",
    url: own.url,
    org: "power",
    bucket: "raw",
    retention: "30d",
    rollupBucket: "long",
  };
  const first = await init(options);
  const rule = '[{"type":"expire","everySeconds":2592000}]';
  expect(first.sends).toEqual([
    "GET /api/v2/orgs?org=power\n" +
      `POST /api/v2/buckets {"orgID":"<id of power>","name":"raw","retentionRules":${rule}}`,
    "GET /api/v2/buckets?org=power&name=raw\n" +
      `PATCH /api/v2/buckets/<id of raw> {"retentionRules":${rule}}`,
    "GET /api/v2/orgs?org=power\n" +
      'POST /api/v2/buckets {"orgID":"<id of power>","name":"long","retentionRules":[]}',
  ]);
  expect(first.outcomes).toEqual(["made", "set", "made"]);
  expect(own.held.get("raw")).toEqual([{ type: "expire", everySeconds: 2_592_000 }]);
  const sent = own.requests.map(({ method, path, body }) => `${method} ${path} ${body}`.trim());
  const shown = first.sends.flatMap((text) => text.split("\n"));
  const named = shown.map((text) =>
    text.replace(/<id of power>/, "0a").replace(/<id of (\w+)>/, "id-$1"),
  );
  expect(sent).toEqual(named);
  expect((await init(options)).outcomes).toEqual(["was there", "set", "was there"]);
});

test("InfluxDB 2: an organisation that is not there is a matter of configuration", async () => {
  await using own = await server();
  const options = { engine: "influxdb2", url: own.url, org: "water" };
  await expect(init(options)).rejects.toMatchObject({ code: "E_STORE_CONFIG" });
});

test("InfluxDB 3: databases with their retention, made once", async () => {
  await using own = await server();
  const options = {
    engine: "influxdb3",
    url: own.url,
    database: "raw",
    retention: "30d",
    rollupDatabase: "long",
  };
  const first = await init(options);
  expect(first.sends).toEqual([
    'POST /api/v3/configure/database {"db":"raw","retention_period":"30d"}',
    'POST /api/v3/configure/database {"db":"long"}',
  ]);
  expect(first.outcomes).toEqual(["made", "made"]);
  expect((await init(options)).outcomes).toEqual(["was there", "was there"]);
});

test("engine influx asks which one it is", async () => {
  await using own = await server();
  const options = { engine: "influx", url: own.url, org: "power", database: "raw" };
  expect((await init(options)).outcomes).toEqual(["made"]);
  expect(own.held.has("raw")).toBe(true);
});

test("the embedded file and lines have nothing to make", async () => {
  expect((await init({ engine: "sqlite" })).sends).toEqual([]);
  expect((await init({ engine: "lines", url: "http://127.0.0.1:1" })).sends).toEqual([]);
});

test("roll-ups cannot be kept in a policy without a name", async () => {
  const options = { engine: "influxdb1", url: "http://127.0.0.1:1", rollupRetention: "30d" };
  await expect(init(options)).rejects.toMatchObject({ code: "E_STORE_CONFIG" });
});

test.each([
  [30 * 86_400_000, "30d"],
  [36 * 3_600_000, "36h"],
  [90 * 60_000, "90m"],
  [90_500, "91s"],
])("%i ms is %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
