/**
 * The devices of `bench/modbus-tcp.ts`, all in one process: bare sockets that answer every request
 * with a frame made beforehand, all requests of a chunk with one write.
 * `node bench/modbus-server.ts DEVICES REGISTERS` prints the ports.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { encodeMbap } from "../drivers/modbus/mbap.ts";
import { encodeReadReply } from "../drivers/modbus/pdu.ts";
import { portOf } from "../test/ports.ts";

const [devices = 1, registers = 1] = process.argv.slice(2).map(Number);

/** Bytes of a read request. */
const requestBytes = 12;

const words = Array.from({ length: registers }, (_, at) => at);
const pdu = encodeReadReply({ table: "holding", at: 0, count: registers }, words);
const reply = Buffer.from(encodeMbap({ transaction: 0, unit: 1, pdu }));

const servers = Array.from({ length: devices }, () =>
  createServer({ noDelay: true }, (socket) => {
    let rest = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const count = Math.floor(bytes.length / requestBytes);
      const answers = Buffer.allocUnsafe(count * reply.length);
      for (let index = 0; index < count; index += 1) {
        const at = index * reply.length;
        reply.copy(answers, at);
        bytes.copy(answers, at, index * requestBytes, index * requestBytes + 2);
      }
      rest = bytes.subarray(count * requestBytes);
      if (count > 0) socket.write(answers);
    });
  }).listen(0, "127.0.0.1"),
);
await Promise.all(servers.map((server) => once(server, "listening")));
console.log(servers.map((server) => portOf(server.address())).join(","));
