/** The InfluxDB 1 engine against a small server that gives each answer of the table. */
import { once } from "node:events";
import http from "node:http";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Secret } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openInfluxdb1 } from "../../store/influxdb1/engine.ts";
import { retryAfterMs } from "../../store/http/answers.ts";
import type { GatewayError, Line } from "../../telemetry/index.ts";
import { realPlatform } from "./rig.ts";

interface Request {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

type Script = (request: Request, nth: number) => Answer | "silence" | "hang up" | "cut";

interface Rig extends AsyncDisposable {
  readonly store: Store;
  readonly requests: Request[];
}

const signal = new AbortController().signal;

async function withServer(script: Script, more: object = {}): Promise<Rig> {
  const requests: Request[] = [];
  const server = http.createServer((incoming, outgoing) => {
    const pieces: Buffer[] = [];
    incoming.on("data", (piece: Buffer) => pieces.push(piece));
    incoming.on("end", () => {
      const bytes = Buffer.concat(pieces);
      const zipped = incoming.headers["content-encoding"] === "gzip";
      const body = (zipped ? gunzipSync(bytes) : bytes).toString();
      const request = { path: incoming.url ?? "", headers: incoming.headers, body };
      requests.push(request);
      const answer = script(request, requests.length);
      if (answer === "silence") return;
      if (answer === "hang up") {
        incoming.socket.destroy();
        return;
      }
      if (answer === "cut") {
        outgoing.writeHead(200, { "content-length": "1000" });
        outgoing.write('{"results":', () => incoming.socket.destroy());
        return;
      }
      outgoing.writeHead(answer.status, answer.headers);
      outgoing.end(answer.body ?? "");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const store = openInfluxdb1(
    {
      engine: "influxdb1",
      url: `http://127.0.0.1:${port}/base/`,
      database: "rack street",
      gzip: false,
      create: true,
      timeout: 10_000,
      ...more,
    },
    realPlatform(),
  );
  return {
    store,
    requests,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function lines(count: number): Line[] {
  return Array.from({ length: count }, (_, i) => {
    return { measurement: "rack_power", tags: {}, fields: { active_power_w: i }, time: 1000 + i };
  });
}

function error(sentence: string): string {
  return JSON.stringify({ error: sentence });
}

/** Answers as InfluxDB does when the lines with these values cannot be stored. */
function refusing(bad: readonly number[], sentence: (dropped: number) => string): Script {
  return ({ body }) => {
    const texts = body.split("\n");
    const dropped = texts.filter((text) => bad.some((v) => text.includes(`_w=${v} `))).length;
    return dropped === 0 ? { status: 204 } : { status: 400, body: error(sentence(dropped)) };
  };
}

async function failure(run: Promise<unknown>): Promise<GatewayError> {
  return run.then(
    () => expect.unreachable("nothing was thrown"),
    (thrown: GatewayError) => thrown,
  );
}

/** Takes 30 lines at most, and never the one with the value 7. */
function narrow({ body }: Request): Answer {
  const large = body.split("\n").length > 30 || body.includes("_w=7 ");
  return { status: large ? 413 : 204 };
}

function conflict(dropped: number): string {
  return `partial write: field type conflict: input field "a" is type float dropped=${dropped}`;
}

function ask(store: Store): Promise<unknown> {
  const query = { measurement: "m", fields: ["x_a"], aggregate: "mean", from: 0, to: 10 } as const;
  return store.query(query, signal);
}

/** An InfluxQL error, which comes inside HTTP 200. */
function inside(sentence: string): string {
  return JSON.stringify({ results: [{ error: sentence }] });
}

describe("a request", () => {
  test("goes to /write under the base path, with all it needs, [RFC 7617 §2]", async () => {
    await using rig = await withServer(() => ({ status: 204 }), {
      retentionPolicy: "raw",
      username: "hub",
      password: new Secret("ä:b"),
    });
    expect(await rig.store.write(lines(2), signal)).toEqual({ accepted: 2, rejected: [] });
    const [request] = rig.requests;
    expect(request?.path).toBe("/base/write?db=rack+street&precision=ms&rp=raw");
    expect(request?.headers.authorization).toBe(
      `Basic ${Buffer.from("hub:ä:b").toString("base64")}`,
    );
    expect(request?.body).toBe(
      "rack_power active_power_w=0 1000\nrack_power active_power_w=1 1001",
    );
    expect(rig.store.title).not.toContain("ä");
  });

  test("names the nodes that must have a line, and a header of one's own", async () => {
    await using rig = await withServer(() => ({ status: 204 }), {
      consistency: "quorum",
      auth: new Secret("Token hub:a:b"),
    });
    await rig.store.write(lines(1), signal);
    await rig.store.measurements(signal).catch(() => undefined);
    const [write, question] = rig.requests;
    expect(write?.path).toContain("&consistency=quorum");
    expect(write?.headers.authorization).toBe("Token hub:a:b");
    expect(question?.headers.authorization).toBe(
      `Basic ${Buffer.from("hub:a:b").toString("base64")}`,
    );
    await expect(
      withServer(() => ({ status: 204 }), { auth: new Secret("Bearer x") }),
    ).rejects.toThrow("Basic");
  });

  test("is compressed when asked, from 1 KiB on", async () => {
    await using rig = await withServer(() => ({ status: 204 }), { gzip: true });
    await rig.store.write(lines(2), signal);
    await rig.store.write(lines(200), signal);
    expect(rig.requests.map(({ headers }) => headers["content-encoding"])).toEqual([
      undefined,
      "gzip",
    ]);
    expect(rig.requests[1]?.body.split("\n")).toHaveLength(200);
  });

  test("carries at most 5,000 lines", async () => {
    await using rig = await withServer(() => ({ status: 204 }));
    expect((await rig.store.write(lines(12_000), signal)).accepted).toBe(12_000);
    expect(rig.requests.map(({ body }) => body.split("\n").length)).toEqual([5000, 5000, 2000]);
  });
});

describe("an answer about lines", () => {
  test.each([200, 201, 202, 204])("%i: stored", async (status) => {
    await using rig = await withServer(() => ({ status }));
    expect(await rig.store.write(lines(3), signal)).toEqual({ accepted: 3, rejected: [] });
  });

  test.each([
    ["partial write", conflict],
    ["parse error, which says dropped=0", () => "partial write: unable to parse 'x' dropped=0"],
    ["parse error of the whole request", () => "unable to parse 'x': missing fields"],
    ["bare field type conflict", () => "field type conflict"],
    [
      "beyond retention",
      (n: number) => `partial write: points beyond retention policy dropped=${n}`,
    ],
    ["too many series", (n: number) => `partial write: max-series-per-database limit dropped=${n}`],
  ])("%s: the bad lines alone are rejected", async (_what, sentence) => {
    await using rig = await withServer(refusing([3, 64, 99], sentence));
    const { accepted, rejected } = await rig.store.write(lines(100), signal);
    expect(accepted).toBe(97);
    expect(rejected.map(({ index }) => index)).toEqual([3, 64, 99]);
    expect(new Set(rejected.map(({ reason }) => reason))).toEqual(new Set([sentence(1)]));
    const sent = rig.requests.flatMap(({ body }) => body.split("\n"));
    expect(new Set(sent).size).toBe(100);
    expect(rig.requests.length).toBeLessThan(60);
  });

  test("when every line was dropped, none is sent again", async () => {
    const all = lines(100).map((_, i) => i);
    await using rig = await withServer(refusing(all, conflict));
    expect((await rig.store.write(lines(100), signal)).rejected).toHaveLength(100);
    expect(rig.requests).toHaveLength(1);
  });

  test("what can never be a line is rejected before it is sent", async () => {
    await using rig = await withServer(() => ({ status: 204 }));
    const bad = { ...lines(1)[0], measurement: "rack_power", tags: {}, time: 1, fields: { no: 1 } };
    const result = await rig.store.write([bad, ...lines(1)], signal);
    expect(result).toEqual({
      accepted: 1,
      rejected: [{ index: 0, reason: "rack_power has no field no" }],
    });
  });

  test("413: halves; a line that is too large alone is rejected", async () => {
    await using rig = await withServer(narrow);
    const { accepted, rejected } = await rig.store.write(lines(100), signal);
    expect([accepted, rejected.map(({ index }) => index)]).toEqual([99, [7]]);
  });

  test("413: the next requests are smaller from the start", async () => {
    const least = 60_000;
    await using rig = await withServer(({ body }) => ({ status: body.length > least ? 413 : 204 }));
    for (let i = 0; i < 2; i += 1) {
      expect((await rig.store.write(lines(3000), signal)).accepted).toBe(3000);
    }
    const tooLarge = rig.requests.map(({ body }) => body.length > least);
    expect(tooLarge.indexOf(true)).toBe(0);
    expect(tooLarge.lastIndexOf(true)).toBeLessThan(3);
    expect(rig.requests.length).toBeLessThan(12);
  });
});

describe("an answer about the database", () => {
  const configuration: readonly (readonly [number, string])[] = [
    [401, error("authorization failed")],
    [403, error('"hub" user is not authorized to write')],
    [404, "404 page not found"],
    [301, ""],
    [400, "<html>The plain HTTP request was sent to HTTPS port</html>"],
    [400, error("database is required")],
    [405, ""],
    [501, ""],
    [500, error("retention policy not found: raw")],
  ];
  test.each(configuration)("%i %s: a person must act", async (status, body) => {
    await using rig = await withServer(() => ({ status, body }));
    const thrown = await failure(rig.store.write(lines(4), signal));
    expect([thrown.code, thrown.message]).toEqual([
      "E_STORE_CONFIG",
      expect.stringContaining(String(status)),
    ]);
    expect(rig.requests).toHaveLength(1);
  });

  test.each([
    [408, ""],
    [425, ""],
    [429, ""],
    [500, error("timeout")],
    [500, error("engine: cache-max-memory-size exceeded: (2/1)")],
    [502, "bad gateway"],
    [503, ""],
    [504, ""],
  ])("%i %s: not now", async (status, body) => {
    await using rig = await withServer(() => ({ status, body }));
    const thrown = await failure(rig.store.write(lines(4), signal));
    expect([thrown.code, thrown.retryAfterMs]).toEqual(["E_STORE_DOWN", undefined]);
    expect(rig.requests).toHaveLength(1);
  });

  test("500 of a log without space: not now, and what a person must do first", async () => {
    const said = "engine: error writing WAL entry: write 1.wal: no space left on device";
    await using rig = await withServer(() => ({ status: 500, body: error(said) }));
    const thrown = await failure(rig.store.write(lines(4), signal));
    expect(thrown.code).toBe("E_STORE_DOWN");
    expect(thrown.message).toMatch(/no space left on device; make room, then start InfluxDB anew/);
  });

  test("429 with Retry-After: the wait that was asked for, at most five minutes", async () => {
    const headers = { "retry-after": "2" };
    await using rig = await withServer(() => ({ status: 429, headers }));
    expect((await failure(rig.store.write(lines(1), signal))).retryAfterMs).toBe(2000);
    const now = Date.UTC(2026, 0, 1);
    expect(retryAfterMs("Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30_000);
    expect(retryAfterMs("Wed, 31 Dec 2025 00:00:30 GMT", now)).toBe(0);
    expect(retryAfterMs("86400", now)).toBe(300_000);
    expect(retryAfterMs("soon", now)).toBeUndefined();
  });

  test.each(["hang up", "cut"] as const)("%s: not now", async (how) => {
    // The influx package never settles when an answer breaks off: the timeout ends it.
    await using rig = await withServer(() => how, { timeout: 300 });
    expect((await failure(rig.store.write(lines(1), signal))).code).toBe("E_STORE_DOWN");
    expect((await failure(rig.store.measurements(signal))).code).toBe("E_STORE_DOWN");
  });

  test("silence: not now, when the timeout is over", async () => {
    await using rig = await withServer(() => "silence", { timeout: 50 });
    expect((await failure(rig.store.write(lines(1), signal))).message).toContain("50 ms");
    expect((await failure(rig.store.measurements(signal))).message).toContain("50 ms");
  });

  test("nobody listens: not now", async () => {
    const rig = await withServer(() => ({ status: 204 }));
    await using store = openInfluxdb1(
      {
        engine: "influxdb1",
        url: "http://127.0.0.1:1",
        database: "x",
        gzip: false,
        create: true,
        timeout: 10_000,
      },
      realPlatform(),
    );
    await rig[Symbol.asyncDispose]();
    const thrown = await failure(store.write(lines(1), signal));
    expect([thrown.code, thrown.message]).toEqual([
      "E_STORE_DOWN",
      expect.stringContaining("ECONNREFUSED"),
    ]);
  });

  const missing: Script = ({ path, body }, nth) => {
    if (path.includes("/query") || body.includes("create+database")) {
      return { status: 200, body: '{"results":[{}]}' };
    }
    const answer = { status: 404, body: error('database not found: "rack street"') };
    return nth === 1 ? answer : { status: 204 };
  };

  test("a missing database is created once and the write goes on", async () => {
    await using rig = await withServer(missing);
    expect((await rig.store.write(lines(2), signal)).accepted).toBe(2);
    expect(rig.requests).toHaveLength(3);
    expect(decodeURIComponent(rig.requests[1]?.path ?? "")).toContain(
      'create database "rack street"',
    );
  });

  test("create: false leaves it missing", async () => {
    await using rig = await withServer(missing, { create: false });
    const thrown = await failure(rig.store.write(lines(2), signal));
    expect([thrown.code, thrown.message]).toEqual([
      "E_STORE_CONFIG",
      expect.stringContaining("create: true"),
    ]);
  });
});

describe("an answer to a question", () => {
  test.each([
    [200, inside("unsupported mean iterator type"), "E_QUERY"],
    [200, inside("retention policy not found: raw"), "E_STORE_CONFIG"],
    [200, inside("query timeout limit exceeded"), "E_STORE_DOWN"],
    [200, '{"results":[{"series":[{"name":"m","partial":true}]}]}', "E_QUERY"],
    [200, "<html>", "E_STORE_DOWN"],
    [200, "{}", "E_STORE_CONFIG"],
    [400, error("error parsing query"), "E_QUERY"],
    [401, error("authorization failed"), "E_STORE_CONFIG"],
    [429, "", "E_STORE_DOWN"],
    [503, "", "E_STORE_DOWN"],
  ])("%i %s: %s", async (status, body, code) => {
    await using rig = await withServer(() => ({ status, body }));
    expect((await failure(ask(rig.store))).code).toBe(code);
  });

  test("the next question after a failure is asked: no host is set aside", async () => {
    await using rig = await withServer((_request, nth) =>
      nth === 1 ? { status: 503 } : { status: 200, body: '{"results":[{}]}' },
    );
    expect((await failure(ask(rig.store))).code).toBe("E_STORE_DOWN");
    expect(await ask(rig.store)).toEqual([]);
  });
});
