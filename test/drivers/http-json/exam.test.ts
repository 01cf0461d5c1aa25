/**
 * The exam of `http-json` against Python's http.server, which nobody here wrote, and what only a
 * server that misbehaves shows.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { httpJson } from "../../../drivers/http-json/index.ts";
import type { ExamDevice } from "../../contract/driver.ts";
import { driverExam } from "../../contract/driver.ts";
import { needs } from "../../peers.ts";
import { freePort, portOf } from "../../ports.ts";
import { codeOf } from "../modbus/world.ts";
import { contextOf } from "../speaker.ts";

const never = new AbortController().signal;

const options = (url: string, more: object = {}) => ({
  url,
  timeout: "5s",
  requests: { status: { path: "/status" }, list: { path: "/list", every: "60s" } },
  rows: [
    {
      measurement: "pdu_outlet",
      tags: { outlet: "1" },
      from: "status",
      fields: { active_power_w: "$.power", outlet_state: { path: "$.on", states: { true: 1 } } },
    },
    {
      measurement: "thermal",
      tags: { sensor: "@.name" },
      from: "list",
      each: "$.sensors[*]",
      fields: { temp_c: { path: "@.f", scale: 5 / 9, offset: -160 / 9 } },
    },
  ],
  ...more,
});

const documents: Readonly<Record<string, string>> = {
  "/status": '{"power": 12.5, "on": true}',
  "/list": '{"sensors": [{"name": "in", "f": 68}, {"name": "out", "f": 50}]}',
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const usual: Handler = (request, response) => {
  const body = documents[request.url ?? ""];
  response.writeHead(body === undefined ? 404 : 200).end(body ?? "no such page");
};

async function startServer(handler: Handler = usual) {
  let silent = false;
  let asked = false;
  const seen: string[] = [];
  const connections = new Set<number | undefined>();
  const server = createServer((request, response) => {
    asked = true;
    connections.add(request.socket.remotePort);
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ""}`.trim());
    if (!silent) handler(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    seen,
    connections,
    fallSilent: () => {
      silent = true;
      asked = false;
      return () => asked;
    },
    wake: () => {
      silent = false;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

driverExam({
  name: "http-json",
  kind: httpJson,
  async start(): Promise<ExamDevice> {
    const server = await startServer();
    return {
      context: contextOf(),
      target: { id: "web", options: options(server.url), profile: undefined },
      nowhere: {
        id: "web",
        options: options(`http://127.0.0.1:${await freePort()}`),
        profile: undefined,
      },
      fallSilent: server.fallSilent,
      wake: server.wake,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
});

async function readFrom(handler: Handler, more: object = {}, groups = ["status", "list"]) {
  await using server = await startServer(handler);
  await using driver = httpJson.create(contextOf());
  const target = { id: "web", options: options(server.url, more), profile: undefined };
  await using session = await driver.open(target);
  return await session.read(groups, never);
}

describe("http-json", () => {
  it("one request that is refused is a fault beside the points of the rest", async () => {
    const reading = await readFrom((request, response) => {
      if (request.url === "/status") usual(request, response);
      else response.writeHead(503).end("busy");
    });
    expect(reading.points.map(({ measurement }) => measurement)).toEqual(["pdu_outlet"]);
    expect(reading.faults).toEqual([{ code: "E_DEVICE_REFUSED", at: "GET /list" }]);
  });

  it.each([
    ["E_LOGIN", 401, ""],
    ["E_LOGIN", 403, ""],
    ["E_DEVICE_REFUSED", 302, ""],
    ["E_DEVICE_REFUSED", 500, "{}"],
    ["E_DEVICE_FRAME", 200, "<html>"],
    ["E_DEVICE_FRAME", 200, ""],
    ["E_DEVICE_FRAME", 200, "[".repeat(100_000)],
    ["E_DEVICE_FRAME", 200, JSON.stringify("x".repeat(300_000))],
  ])("%s for %i %#", async (code, status, body) => {
    const read = readFrom((_, response) => response.writeHead(status).end(body), {
      maxAnswer: "256KiB",
    });
    expect(await codeOf(read)).toBe(code);
  });

  it("devices of one host share a connection, each with its own login", async () => {
    await using server = await startServer();
    await using driver = httpJson.create(contextOf());
    for (const user of ["ann", "bob"]) {
      const own = options(server.url, { user, password: "x" });
      const session = await driver.open({ id: user, options: own, profile: undefined });
      await session.read(["status"], never);
    }
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;
    expect(server.seen).toEqual(["ann:x", "bob:x"].map((one) => `GET /status ${basic(one)}`));
    expect(server.connections.size).toBe(1);
  });

  it("a mapping that cannot be is told before anything is asked", () => {
    const problems = (more: object) => httpJson.problems(options("http://10.0.0.1", more));
    expect(problems({})).toEqual([]);
    expect(problems({ rows: [] })[0]).toContain("nothing to store");
    const row = { measurement: "thermal", tags: { sensor: "a" }, fields: { temp_c: "$.t" } };
    expect(problems({ rows: [row] })[0]).toContain("say `from`: one of status, list");
    expect(problems({ rows: [{ ...row, from: "lst" }] })[0]).toContain("no lst");
    expect(problems({ rows: [{ ...row, fields: { temp_c: "t[" } }] })[0]).toContain("JSONPath");
    const each = { ...row, from: "list", each: "$.sensors[*]" };
    expect(problems({ rows: [each] })[0]).toContain("tells them apart");
  });
});

describe.skipIf(!needs("python3", "python3"))("http-json with Python's http.server", () => {
  it("reads a file that it serves", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-http-"));
    await writeFile(join(folder, "status"), documents["/status"] ?? "");
    const args = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder];
    const child = spawn("python3", args, { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const lines = createInterface(child.stdout);
      const first: unknown[] = await once(lines, "line");
      const url = /http:\/\/[\d.:]+/.exec(String(first[0]))?.[0] ?? "";
      await using driver = httpJson.create(contextOf());
      const target = { id: "web", options: options(url), profile: undefined };
      await using session = await driver.open(target);
      const { points, faults } = await session.read(["status"], never);
      expect(faults).toEqual([]);
      expect(points[0]?.fields).toEqual({ active_power_w: 12.5, outlet_state: 1, q: 0 });
    } finally {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    }
  });
});
