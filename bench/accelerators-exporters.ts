/**
 * The exporters of `bench/accelerators.ts`, a process of its own, each on a port of its own.
 * Arguments: how many exporters, cards of each, families that are not mapped. Prints their ports as
 * JSON; each tells under `/served` how many pages all of them have given.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { portOf } from "../test/ports.ts";
import { pageOf } from "./accelerators-pages.ts";

const [count = 1, cards = 8, others = 10] = process.argv.slice(2).map(Number);
const started = performance.now();
const ports: number[] = [];
let served = 0;
for (let n = 0; n < count; n += 1) {
  const shape = { node: `node-${n}`, cards, others };
  let made = { second: -1, page: "" };
  const server = createServer(({ url }, response) => {
    if (url === "/served") {
      response.end(`${served}`);
      return;
    }
    served += 1;
    const second = Math.floor((performance.now() - started) / 1000);
    if (made.second !== second) made = { second, page: pageOf(shape, second) };
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
    response.end(made.page);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ports.push(portOf(server.address()));
}
console.log(JSON.stringify(ports));
