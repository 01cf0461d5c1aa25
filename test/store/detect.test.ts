/**
 * Which InfluxDB listens: answers to /ping and /health as the products give them.
 * 1.6.7 and VictoriaMetrics as recorded; docs.influxdata.com/influxdb/v2/api/v2/ (GET /health),
 * …/influxdb3/core/api/ (GET /ping).
 */
import { describe, expect, test } from "vitest";
import { Secret, v } from "../../config/index.ts";
import type { Generation, InfluxOptions } from "../../store/detect.ts";
import { decidedOptions, detect, influxOptions } from "../../store/detect.ts";
import { openStore } from "../../store/index.ts";
import { freePort } from "../ports.ts";
import { fakeLines } from "./fake_lines.ts";
import type { Answer } from "./http_server.ts";
import { serve } from "./http_server.ts";
import type { Said } from "./rig.ts";
import { realPlatform } from "./rig.ts";

const signal = new AbortController().signal;
const line = { measurement: "rack_power", tags: {}, fields: { q: 0 }, time: 5 };

function optionsFor(url: string, more: object = {}): InfluxOptions {
  return v.parse(influxOptions, { engine: "influx", url, ...more });
}

const health2 =
  '{"name":"influxdb","message":"ready for queries and writes","status":"pass","checks":[],' +
  '"version":"v2.7.1","commit":"407fa622e9"}';

interface Case {
  readonly what: string;
  readonly ping: Answer;
  readonly health: Answer;
  readonly found: Generation | "E_STORE_CONFIG" | "E_STORE_DOWN";
}

const none: Answer = { status: 404, body: "404 page not found\n" };
const version = (number: string, status = 204): Answer => {
  return { status, headers: { "X-Influxdb-Version": number } };
};

const cases: readonly Case[] = [
  { what: "1.6.7", ping: version("1.6.7"), health: none, found: "1" },
  { what: "1.8", ping: version("1.8.10"), health: { status: 200, body: "{}" }, found: "1" },
  { what: "2.7", ping: version("v2.7.1"), health: { status: 200, body: health2 }, found: "2" },
  {
    what: "2.7 behind a proxy that hides headers",
    ping: { status: 204 },
    health: { status: 200, body: health2 },
    found: "2",
  },
  {
    what: "3 Core",
    ping: { status: 200, body: '{"version":"3.2.1","revision":"1ca3168bee","process_id":"b2"}' },
    health: { status: 200, body: "OK" },
    found: "3",
  },
  { what: "3 by header", ping: version("3.0.0", 200), health: none, found: "3" },
  {
    what: "3 Core without a token",
    ping: { status: 401 },
    health: { status: 401 },
    found: "E_STORE_CONFIG",
  },
  {
    what: "VictoriaMetrics",
    ping: { status: 204 },
    health: { status: 200, body: "OK" },
    found: "E_STORE_CONFIG",
  },
  { what: "another server", ping: none, health: none, found: "E_STORE_CONFIG" },
  { what: "a server that starts", ping: { status: 503 }, health: none, found: "E_STORE_DOWN" },
];

describe("detection", () => {
  test.each(cases)("$what is $found", async ({ ping, health, found }) => {
    await using server = await serve(({ path }) => (path === "/base/ping" ? ping : health));
    const options = optionsFor(`${server.url}/base`);
    const answer = await detect(options, realPlatform(), signal).catch(
      (error: { code: string }) => error.code,
    );
    expect(answer).toBe(found);
  });

  test("shows who asks", async () => {
    await using server = await serve(() => version("3.2.1"));
    const options = optionsFor(server.url, { token: "apiv3_x" });
    await detect(options, realPlatform(), signal);
    expect(server.requests[0]?.headers.authorization).toBe("Token apiv3_x");
  });

  test("each generation gets its own options", () => {
    const options = optionsFor("http://db", { database: "dc", rollups: "long", org: "power" });
    expect(decidedOptions(options, "1")).toMatchObject({ database: "dc", rollupPolicy: "long" });
    const two = { bucket: "dc", rollupBucket: "long", org: "power" };
    expect(decidedOptions(options, "2")).toMatchObject(two);
    expect(decidedOptions(options, "3")).toMatchObject({ database: "dc", rollupDatabase: "long" });
  });
});

describe("the engine that detects", () => {
  test("opens without its server, asks at the first call, and remembers the answer", async () => {
    const said: Said[] = [];
    await using down = await openStore(
      optionsFor(`http://127.0.0.1:${await freePort()}`),
      realPlatform(said),
    );
    await expect(down.write([line], signal)).rejects.toMatchObject({ code: "E_STORE_DOWN" });
    expect(down.title).toContain("InfluxDB at");

    await using server = await serve(({ path }) =>
      path === "/ping" ? version("1.6.7") : { status: 204 },
    );
    await using store = await openStore(optionsFor(server.url), realPlatform(said));
    await store.write([line], signal);
    await store.write([line], signal);
    expect(server.requests.map(({ path }) => path.split("?")[0])).toEqual([
      "/ping",
      "/write",
      "/write",
    ]);
    expect(store.title).toContain("InfluxDB 1 at");
    expect(said).toContainEqual({
      event: "store detected",
      fields: { generation: "1", store: store.title },
    });
  });

  test("asks again after a failure", async () => {
    await using server = await serve(({ path }, nth) => {
      if (path !== "/ping") return { status: 204 };
      return nth === 1 ? { status: 503 } : version("1.6.7");
    });
    await using store = await openStore(optionsFor(server.url), realPlatform());
    await expect(store.write([line], signal)).rejects.toMatchObject({ code: "E_STORE_DOWN" });
    expect((await store.write([line], signal)).accepted).toBe(1);
  });

  test("two first calls at once end in one engine", async () => {
    await using server = await serve(({ path }) =>
      path === "/ping" ? version("1.6.7") : { status: 204 },
    );
    await using store = await openStore(optionsFor(server.url), realPlatform());
    const results = await Promise.all([1, 2].map(() => store.write([line], signal)));
    expect(results.map(({ accepted }) => accepted)).toEqual([1, 1]);
  });

  test("a generation that is given is not asked for", async () => {
    await using fake = await fakeLines("v3");
    const token = new Secret("apiv3_x");
    const options = { ...optionsFor(fake.url, { generation: "3" }), token };
    await using store = await openStore(options, realPlatform());
    await store.write([line], signal);
    expect(fake.requests.map(({ path }) => path.split("?")[0])).toEqual(["/api/v3/write_lp"]);
  });

  test("is closed for good", async () => {
    const store = await openStore(optionsFor("http://127.0.0.1:1"), realPlatform());
    await store[Symbol.asyncDispose]();
    await expect(store.measurements(signal)).rejects.toMatchObject({ code: "E_STORE_DOWN" });
  });
});
