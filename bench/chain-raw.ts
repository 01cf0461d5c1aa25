/**
 * The store's own limit for `bench/chain.ts`, a process of its own: the same lines in bodies of
 * 5,000, made before, are posted to /write over two connections, each waiting for its answer.
 * Arguments: URL of the database, shape. Prints "measuring" once warmed up, then how many points
 * were stored while it measured, and how long that was.
 */
import { once } from "node:events";
import http from "node:http";
import { toLineProtocol } from "../store/index.ts";
import { linesOf } from "../telemetry/index.ts";
import type { Shape } from "./chain-points.ts";
import { batchOf, isShape, linesAWrite, pointsABatch } from "./chain-points.ts";

const connections = 2;
const warmUp = 12;
/** Some three seconds of the store's work. */
const measured = { wide: 60, narrow: 180 } as const;

const [url = "", shape] = process.argv.slice(2);
if (!isShape(shape)) throw new Error(`no shape ${shape}`);
const count = measured[shape];
const batchesABody = Math.floor(linesAWrite / pointsABatch);
const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
await post("/query?q=CREATE%20DATABASE%20raw", Buffer.alloc(0));
const bodies = Array.from({ length: warmUp + count }, (_, n) => bodyOf(shape, n));
let start = 0;
await Promise.all(Array.from({ length: connections }, write));
const ms = performance.now() - start;
console.log(JSON.stringify({ points: count * batchesABody * pointsABatch, ms }));
process.exit(0);

async function write(): Promise<void> {
  for (let body = bodies.shift(); body !== undefined; body = bodies.shift()) {
    if (bodies.length === count - 1) {
      console.log("measuring");
      start = performance.now();
    }
    await post("/write?db=raw&precision=ms", body);
  }
}

function bodyOf(of: Shape, n: number): Buffer {
  const from = n * batchesABody;
  const batches = Array.from({ length: batchesABody }, (_, i) => batchOf(of, from + i));
  return Buffer.from(toLineProtocol(batches.flatMap(linesOf)).text);
}

async function post(path: string, body: Buffer): Promise<void> {
  const sent = http.request(`${url}${path}`, { method: "POST", agent });
  sent.end(body);
  const [response]: unknown[] = await once(sent, "response");
  if (!(response instanceof http.IncomingMessage)) throw new Error("no response");
  response.resume();
  await once(response, "end");
  if ((response.statusCode ?? 0) >= 300) throw new Error(`${path}: ${response.statusCode}`);
}
