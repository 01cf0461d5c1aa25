/**
 * A client of `bench/modbus-tcp.ts`, a process of its own:
 * `node bench/modbus-clients.ts KIND PORTS OUTSTANDING REGISTERS SECONDS`. It reads all devices at
 * once, each with so many requests outstanding, first to warm up, then for so long; it prints how
 * many transactions that were, in which time, and the CPU that they took.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import jsmodbus from "jsmodbus";
import modbusSerial from "modbus-serial";
import { encodeMbap } from "../drivers/modbus/mbap.ts";
import { decodeReadReply, encodeRead } from "../drivers/modbus/pdu.ts";
import type { Span } from "../drivers/modbus/pdu.ts";
import { TcpLine } from "../drivers/modbus/tcp-line.ts";
import { connectTcp } from "../drivers/transport/tcp.ts";
import { GatewayError } from "../telemetry/index.ts";

const [kind = "", ports = "", ...numbers] = process.argv.slice(2);
const [outstanding = 1, registers = 1, seconds = 1] = numbers.map(Number);

const host = "127.0.0.1";
const span: Span = { table: "holding", at: 0, count: registers };

/** @unit ms */
const timeout = 5000;

/** Requests of one reading of a device, which share a signal as in a session. */
const blocks = 4;

let done = 0;
const ending = new AbortController();

/** Every answer is looked at: the last register holds its own address. */
function count(words: ArrayLike<number>): void {
  if (words[registers - 1] !== registers - 1) throw new GatewayError("E_BUG", "a wrong value");
  done += 1;
}

/** One device: sends as many requests as may be outstanding, and the next upon each answer. */
type Load = (port: number) => Promise<unknown>;

async function slots(read: () => Promise<void>): Promise<void> {
  const slot = async (): Promise<void> => {
    while (!ending.signal.aborted) await read();
  };
  await Promise.all(Array.from({ length: outstanding }, slot));
}

const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms: number, run: () => void) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

const ours: Load = async (port) => {
  await using line = new TcpLine({
    name: `tcp://${host}:${port}`,
    connect: (signal) => connectTcp({ host, port }, signal),
    clock,
  });
  const unit = { unit: 1, timeout, pause: 0 };
  await slots(async () => {
    const { signal } = new AbortController();
    for (let block = 0; block < blocks; block += 1) {
      count(decodeReadReply(span, await line.exchange({ ...unit, pdu: encodeRead(span) }, signal)));
    }
  });
};

const serial: Load = async (port) => {
  const client = new modbusSerial.default();
  await client.connectTCP(host, { port });
  client.setID(1);
  client.setTimeout(timeout);
  await slots(async () => {
    count((await client.readHoldingRegisters(0, registers)).data);
  });
};

const js: Load = async (port) => {
  const socket = connect({ host, port, noDelay: true });
  const client = new jsmodbus.client.TCP(socket, 1, timeout);
  await once(socket, "connect");
  await slots(async () => {
    const { response } = await client.readHoldingRegisters(0, registers);
    count(response.body.valuesAsArray);
  });
};

/** The least that a client can do in Node: writes frames made beforehand, counts bytes. */
const raw: Load = async (port) => {
  const socket: Socket = connect({ host, port, noDelay: true });
  await once(socket, "connect");
  const request = Buffer.from(encodeMbap({ transaction: 1, unit: 1, pdu: encodeRead(span) }));
  const requests = Buffer.concat(Array<Buffer>(outstanding).fill(request));
  const replyBytes = 9 + 2 * registers;
  let rest = 0;
  socket.on("data", ({ length }) => {
    const whole = Math.floor((rest + length) / replyBytes);
    rest = (rest + length) % replyBytes;
    done += whole;
    if (whole > 0) socket.write(requests.subarray(0, whole * request.length));
  });
  socket.write(requests);
};

const loads: Readonly<Record<string, Load>> = { ours, "modbus-serial": serial, jsmodbus: js, raw };
const load = loads[kind];
if (load === undefined) throw new GatewayError("E_BUG", `no client ${kind}`);
for (const port of ports.split(",")) {
  load(Number(port)).catch((error: unknown) => {
    console.error(error);
    process.exit(70);
  });
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
await wait(1000);
const from = { done, at: performance.now(), cpu: process.cpuUsage() };
await wait(seconds * 1000);
const { user, system } = process.cpuUsage(from.cpu);
const transactions = done - from.done;
const took = (performance.now() - from.at) / 1000;
ending.abort();
console.log(JSON.stringify({ transactions, took, cpu: (user + system) / 1e6 }));
process.exit(0);
