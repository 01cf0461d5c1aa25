/**
 * The exporters of `bench/accelerators.ts`, a process of its own: each on a port of its own, eight
 * cards a page. Arguments: how many. Prints their ports as JSON; on a line of its input prints how
 * many scrapes it answered so far.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { portOf } from "../test/ports.ts";
import { pageOf } from "./accelerators-pages.ts";

const count = Number(process.argv[2] ?? "1");
const started = performance.now();
let scrapes = 0;
const ports: number[] = [];
for (let n = 0; n < count; n += 1) {
  const shape = { node: `node-${n}`, cards: 8, others: 10 };
  const server = createServer((_, response) => {
    scrapes += 1;
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
    response.end(pageOf(shape, (performance.now() - started) / 1000));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ports.push(portOf(server.address()));
}
console.log(JSON.stringify(ports));
createInterface({ input: process.stdin }).on("line", () => console.log(`${scrapes}`));
