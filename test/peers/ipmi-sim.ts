/**
 * A management controller of its own for a test: Debian's ipmi_sim on a free port of 127.0.0.1,
 * with sensors whose values are known. It has no DCMI.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../until.ts";
import { endChild } from "./child.ts";

export interface IpmiSim extends AsyncDisposable {
  readonly port: number;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
  /** Starts it again on the same port; without a sensor, those behind it get other numbers. */
  restart(without?: string): Promise<void>;
  /** Takes requests and answers none. */
  stop(): void;
  goOn(): void;
}

/** An analog sensor. Its value is `raw * factor`, the factor `m * 10^exponent`. [IPMI-2.0 36.3] */
interface Analog {
  readonly name: string;
  /** Entity id and instance. */
  readonly entity: readonly [number, number];
  readonly type: number;
  /** Base unit: 1 °C, 2 °F, 4 V, 5 A, 6 W, 18 rpm; 0 with `percent`. */
  readonly unit: number;
  readonly percent?: true;
  readonly raw: number;
  readonly m?: number;
  readonly exponent?: number;
  /** Upper: non-critical, critical; lower: non-critical, critical; raw. */
  readonly thresholds?: readonly [number, number, number, number];
}

interface Discrete {
  readonly name: string;
  readonly entity: readonly [number, number];
  readonly type: number;
  readonly reading: number;
  readonly bits: readonly number[];
}

const analog: readonly Analog[] = [
  { name: "Inlet Temp", entity: [0x37, 1], type: 1, unit: 1, raw: 23 },
  {
    name: "CPU1 Temp",
    entity: [3, 1],
    type: 1,
    unit: 1,
    raw: 96,
    thresholds: [95, 100, 5, 0],
  },
  { name: "Temp", entity: [3, 1], type: 1, unit: 1, raw: 40 },
  { name: "Temp", entity: [3, 2], type: 1, unit: 2, raw: 104 },
  {
    name: "FAN1",
    entity: [29, 1],
    type: 4,
    unit: 18,
    raw: 4,
    m: 100,
    thresholds: [240, 250, 10, 5],
  },
  { name: "FAN1 Duty", entity: [29, 1], type: 4, unit: 0, percent: true, raw: 33 },
  { name: "12V", entity: [7, 1], type: 2, unit: 4, raw: 201, m: 6, exponent: -2 },
  { name: "PS1 Input Volts", entity: [10, 1], type: 2, unit: 4, raw: 115, m: 2 },
  { name: "PS1 Current", entity: [10, 1], type: 3, unit: 5, raw: 12, exponent: -1 },
  { name: "PS1 Power In", entity: [10, 1], type: 11, unit: 6, raw: 45, m: 4 },
  { name: "SYS, Usage", entity: [7, 1], type: 11, unit: 0, percent: true, raw: 12 },
];

const discrete: readonly Discrete[] = [
  { name: "PS1 Status", entity: [10, 1], type: 8, reading: 0x6f, bits: [0] },
  { name: "PS2 Status", entity: [10, 2], type: 8, reading: 0x6f, bits: [0, 3] },
  { name: "PS Redundancy", entity: [10, 3], type: 8, reading: 0x0b, bits: [0] },
];

/** Only for events, and without a place to be read: the controller says it has no reading. */
const silent = { name: "Exhaust Temp", entity: [7, 2], type: 1, unit: 1, raw: 0 } as const;

/** Starts it and returns when it answers. */
export async function startIpmiSim(): Promise<IpmiSim> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-ipmi-sim-"));
  const port = await freeUdpPort();
  await writeFile(join(folder, "lan.conf"), lanConf(port));
  await writeFile(join(folder, "sim.emu"), commands());
  let child = await launch(folder, port);
  const end = (): Promise<void> => endChild(child, "SIGKILL");
  return {
    port,
    kill9: end,
    async restart(without) {
      await end();
      await writeFile(join(folder, "sim.emu"), commands(without));
      child = await launch(folder, port);
    },
    stop: () => void child.kill("SIGSTOP"),
    goOn: () => void child.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const simUser = "ipmiusr";
export const simPassword = "simulated-secret";
/** As much as a user of privilege `user` has. */
export const simViewer = "viewer";

function lanConf(port: number): string {
  const levels = ["callback", "user", "operator", "admin"];
  return `name "sim"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
${levels.map((level) => `    allowed_auths_${level} none md2 md5 straight`).join("\n")}
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 false "" "nobody" user 10 none md2 md5 straight
  user 2 true "${simUser}" "${simPassword}" admin 10 none md2 md5 straight
  user 3 true "${simViewer}" "${simPassword}" user 10 none md2 md5 straight
`;
}

function commands(without?: string): string {
  const lines = [
    "mc_setbmc 0x20",
    "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr",
    "sel_enable 0x20 1000 0x0a",
  ];
  const there = analog.filter(({ name }) => name !== without);
  there.forEach((sensor, index) => lines.push(...analogCommands(index + 1, sensor)));
  discrete.forEach((sensor, index) => {
    lines.push(...discreteCommands(there.length + index + 1, sensor));
  });
  lines.push(sdr(fullRecord(99, silent)));
  return `${[...lines, "mc_enable 0x20"].join("\n")}\n`;
}

function analogCommands(number: number, sensor: Analog): string[] {
  const { type, raw, thresholds = [255, 255, 0, 0] } = sensor;
  const [warn, critical, lowWarn, lowCritical] = thresholds;
  const all = [255, critical, warn, 0, lowCritical, lowWarn].join(" ");
  const states = "000111111111111";
  const enable = `enable scanning per-state ${Array.from({ length: 4 }, () => states).join(" ")}`;
  return [
    sdr(fullRecord(number, sensor)),
    `sensor_add 0x20 0 ${number} ${type} 1`,
    `sensor_set_threshold 0x20 0 ${number} settable 111111 ${all}`,
    `sensor_set_event_support 0x20 0 ${number} ${enable}`,
    // Last: the simulator looks at the thresholds when a value comes.
    `sensor_set_value 0x20 0 ${number} ${raw} 0`,
  ];
}

function discreteCommands(number: number, { name, entity, type, reading, bits }: Discrete) {
  const kind = [0x20, 0, number, ...entity, 0x67, 0x40, type, reading];
  const masks = [0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f];
  const units = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
  const body = [...kind, ...masks, ...units, ...nameBytes(name)];
  return [
    sdr([number, 0, 0x51, 2, body.length, ...body]),
    `sensor_add 0x20 0 ${number} ${type} ${reading}`,
    ...bits.map((bit) => `sensor_set_bit 0x20 0 ${number} ${bit} 1 0`),
  ];
}

/** A full sensor record. [IPMI-2.0 43.1] */
function fullRecord(number: number, sensor: Analog): number[] {
  const { name, entity, type, unit, percent, m = 1, exponent = 0, thresholds } = sensor;
  const known = thresholds === undefined ? 0 : 0x3f;
  const [warn = 0, critical = 0, lowWarn = 0, lowCritical = 0] = thresholds ?? [];
  const able = thresholds === undefined ? 0x40 : 0x68;
  const kind = [0x20, 0, number, ...entity, 0x7f, able, type, 1];
  const units = [0xff, 0x7a, 0xff, 0x7a, known, known, percent === undefined ? 0 : 1, unit, 0, 0];
  const factors = [m & 0xff, (m >> 8) << 6, 0, 0, 0, (exponent & 0xf) << 4, 7, 0, 0xff, 0, 0xff, 0];
  const limits = [255, critical, warn, 0, lowCritical, lowWarn, 2, 2, 0, 0, 0];
  const body = [...kind, ...units, ...factors, ...limits, ...nameBytes(name)];
  return [number, 0, 0x51, 1, body.length, ...body];
}

function nameBytes(name: string): number[] {
  return [0xc0 | name.length, ...Buffer.from(name, "latin1")];
}

function sdr(bytes: readonly number[]): string {
  return `main_sdr_add 0x20 ${bytes.map((byte) => `0x${byte.toString(16)}`).join(" ")}`;
}

async function launch(folder: string, port: number): Promise<ChildProcess> {
  const at = (name: string): string => join(folder, name);
  // What it kept of its sensors would be added to those of its commands.
  await rm(at("state"), { recursive: true, force: true });
  await mkdir(at("state"));
  const args = ["-c", at("lan.conf"), "-f", at("sim.emu"), "-s", at("state"), "-n"];
  const child = spawn("ipmi_sim", args, { stdio: "ignore" });
  const up = await until(() => pongs(port), { timeout: 30_000, interval: 50 });
  if (up) return child;
  child.kill("SIGKILL");
  throw new Error("ipmi_sim does not answer");
}

/** An RMCP presence ping, answered by a pong. [IPMI-2.0 13.2.3] */
const ping = Buffer.from([6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 0, 0, 0]);

async function pongs(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    socket.on("error", () => undefined);
    socket.send(ping, port, "127.0.0.1");
    const pong = once(socket, "message").then(() => true);
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 500));
    return await Promise.race([pong, late]);
  } finally {
    socket.close();
  }
}

export async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}
