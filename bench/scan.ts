/**
 * Bench: a search over 247 addresses of one setting, 40 of them meters, on a line that keeps its
 * timing (`scan-slaves.ts` behind a pseudo terminal). The peer is the least that any search takes
 * which waits as long for a silent address: each request, each silence, each answer. What the 40
 * are is asked afterwards, and counted beside it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { profiles } from "../config/profiles.gen.ts";
import { clock } from "../cli/platform.ts";
import { characterTime } from "../drivers/transport/timing.ts";
import { lineSetting, modbusProfiles, openSerialWire, searchSerial } from "../drivers/index.ts";
import { startLine } from "../test/line.ts";
import { loadNow, rounded } from "./processes.ts";
import { answerTime, inhabited } from "./scan-slaves.ts";

const baud = 9600;
/** How long a meter thinks. @unit ms */
const think = 20;
/** Silence after which an address is free: what `rackstreet scan` waits. @unit ms */
const timeout = 150;

const requestBytes = 8;
/** Two registers, which the meters refuse at 0: exception. */
const answerBytes = 5;

export async function run(): Promise<unknown> {
  await using line = await startLine();
  const script = new URL("scan-slaves.ts", import.meta.url).pathname;
  const args = [script, line.theirs, String(baud), String(think)];
  const slaves = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  await once(slaves.stdout, "data");
  const begun = clock.monotonic();
  let swept = begun;
  const cpu = process.cpuUsage();
  const found = await searchSerial({
    open: (setting) => openSerialWire(line.ours, setting, clock),
    plan: {
      settings: [lineSetting(baud, "none")],
      units: Array.from({ length: 247 }, (_, index) => index + 1),
      all: true,
      expect: undefined,
    },
    timeout,
    ask: { table: "holding", at: 0, count: 2 },
    profiles: modbusProfiles(new Map(Object.entries(profiles))),
    clock,
    signal: new AbortController().signal,
    progress: ({ phase }) => {
      if (phase === "search") swept = clock.monotonic();
    },
    keep: () => Promise.resolve(),
  });
  const ended = clock.monotonic();
  const { user, system } = process.cpuUsage(cpu);
  slaves.stdin.end();
  const ours = (swept - begun) / 1000;
  const peer = leastTime() / 1000;
  return {
    bench: "scan",
    ours: rounded(ours),
    peer: rounded(peer),
    ratio: rounded(ours / peer),
    unit: "s for 247 addresses, 40 devices, 9600 8N1",
    goal: 1.15,
    found: found.devices.length,
    named: found.devices.filter(({ identity }) => identity.candidates.length > 0).length,
    suspicions: found.suspicions.length,
    identify_s: rounded((ended - swept) / 1000),
    cpu_s: rounded((user + system) / 1e6),
    load: loadNow(),
  };
}

/** @unit ms */
function leastTime(): number {
  const request = requestBytes * characterTime(lineSetting(baud, "none"));
  const answered = inhabited.length * answerTime(baud, think, answerBytes);
  return 247 * request + (247 - inhabited.length) * timeout + answered;
}
