/**
 * Bench: how near the agent's own session comes to what a serial line can carry. A slave of its own
 * process keeps the line's time: request, think time (t3.5, the least there is), reply. The limit
 * of a request of N registers is (8 + 5 + 2N) characters and twice t3.5: the slave's think time and
 * the silence before the next request. What the slave sent late is taken off. The share is the
 * median over readings of a whole device, of two runs the better; the ratio is the worst of the
 * three speeds.
 */
import { frameSilence } from "../drivers/modbus/rtu.ts";
import { characterTime } from "../drivers/transport/timing.ts";
import { modbusDriver, openUnit } from "./device.ts";
import { hasten, loadNow, median, rounded } from "./processes.ts";
import type { Seen } from "./wire.ts";
import { startSlave } from "./wire.ts";

const speeds = [9600, 19_200, 115_200] as const;
const profile = "eastron-sdm630";
/** @unit ms */
const shortest = 8000;
const readings = 12;
/** The machine may be shared: the better one counts. */
const runs = 2;

export async function run(): Promise<unknown> {
  const shares: Record<string, Awaited<ReturnType<typeof measure>>> = {};
  for (const baud of speeds) {
    for (let turn = 0; turn < runs; turn += 1) {
      const found = await measure(baud);
      if (found.share > (shares[baud]?.share ?? 0)) shares[baud] = found;
    }
  }
  const ratio = Math.min(...Object.values(shares).map(({ share }) => share));
  return {
    bench: "rtu-wire",
    ours: ratio,
    peer: 1,
    ratio,
    unit: "share of the line's limit",
    goal: 0.97,
    profile,
    limit: "sum of (13 + 2N) characters + 2 × t3.5 of each request, slave's think time t3.5",
    line: "8N1, bytes handed over each ms",
    shares,
    load: loadNow(),
  };
}

async function measure(baud: number) {
  using slave = await startSlave({ baud });
  const hastened = hasten(process.pid, slave.pid);
  const end = performance.now() + shortest;
  await using driver = modbusDriver({ port: slave.port, baud });
  await using session = await openUnit(driver, profile, 1);
  const groups = session.groups.map(({ name }) => name);
  const signal = new AbortController().signal;
  for (let count = 0; count < readings || performance.now() < end; count += 1) {
    await session.read(groups, signal);
  }
  const seen = await slave.end();
  const requests = requestsAReading(seen);
  const cycles = cyclesOf(seen, requests, baud);
  const gaps = seen.slice(1).map(({ came }, i) => {
    const before = seen[i];
    return before === undefined
      ? 0
      : came - before.came - limitOf(before, baud) - (before.late ?? 0);
  });
  return {
    share: rounded(median(cycles)),
    worst_tenth: rounded(cycles.toSorted((a, b) => a - b)[Math.floor(cycles.length / 10)] ?? 0),
    requests,
    readings: cycles.length,
    hastened,
    limit_ms: rounded(sum(seen.slice(0, requests).map((one) => limitOf(one, baud)))),
    over_a_request_ms: rounded(median(gaps)),
    slave_late_ms: rounded(median(seen.map(({ late = 0 }) => late))),
  };
}

/** The session asks for the same each time: after so many requests it begins again. */
function requestsAReading(seen: readonly Seen[]): number {
  const [first] = seen;
  const length = seen.findIndex((_, at) => {
    const again = seen.slice(at, 2 * at).map(({ registers }) => registers);
    return at > 0 && again.every((registers, i) => registers === seen[i]?.registers);
  });
  return first === undefined || length < 1 ? 1 : length;
}

/** The share of each reading but the first, which opens the port. */
function cyclesOf(seen: readonly Seen[], requests: number, baud: number): number[] {
  const shares: number[] = [];
  for (let at = requests; at + requests < seen.length; at += requests) {
    const cycle = seen.slice(at, at + requests);
    const took = (seen[at + requests]?.came ?? 0) - (seen[at]?.came ?? 0);
    const late = sum(cycle.map((one) => one.late ?? 0));
    shares.push(sum(cycle.map((one) => limitOf(one, baud))) / (took - late));
  }
  return shares;
}

/** Least time from one request to the next. @unit ms */
function limitOf({ registers }: Seen, baud: number): number {
  const character = characterTime({ baud, parity: "none", dataBits: 8, stopBits: 1 });
  return (13 + 2 * registers) * character + 2 * frameSilence(baud, character);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
