/**
 * Golden devices that are asked frame by frame: `config.yaml` is what a user would write,
 * `device/exchange.txt` the recording (`>` what must be asked, `<` what the device said; bytes in
 * hexadecimal, or a text in quotes), `expected.lp` the points, `expected.err` the faults. All
 * groups are read once. `npx vitest run test/golden/polled.test.ts -u` rewrites what is expected.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readYaml } from "../../config/index.ts";
import { profiles } from "../../config/profiles.gen.ts";
import { drivers } from "../../drivers/index.ts";
import type { Point } from "../../telemetry/index.ts";
import { explainError, fieldFacts, isRecord, problemOf } from "../../telemetry/index.ts";
import { contextWith, never } from "../drivers/modbus/world.ts";
import { portOf } from "../ports.ts";

const folder = join(import.meta.dirname, "drivers");
const kinds = ["dlt645", "mbus", "sdi12", "umb"] as const;

interface Step {
  readonly asked: boolean;
  readonly bytes: Buffer;
}

function parseExchange(text: string): Step[] {
  return text
    .split("\n")
    .filter((line) => /^[<>]/.test(line))
    .map((line) => {
      const said = line.slice(1).trim();
      const told: unknown = said.startsWith('"') ? JSON.parse(said) : undefined;
      const bytes =
        typeof told === "string"
          ? Buffer.from(told, "latin1")
          : Buffer.from(said.replaceAll(/\s/g, ""), "hex");
      return { asked: line.startsWith(">"), bytes };
    });
}

/** Plays the device's part; `left` are the steps that did not come, or came otherwise. */
async function startRecording(steps: readonly Step[]) {
  const left = [...steps];
  let received = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
      const [next] = left;
      if (next === undefined || received.length < next.bytes.length) return;
      if (!received.equals(next.bytes)) {
        left.unshift({ asked: true, bytes: received });
        return socket.destroy();
      }
      received = Buffer.alloc(0);
      left.shift();
      while (left[0]?.asked === false) socket.write(left.shift()?.bytes ?? Buffer.alloc(0));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `tcp://127.0.0.1:${portOf(server.address())}`,
    left,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

function lineOf({ measurement, tags = {}, fields }: Point): string {
  const series = [measurement, ...Object.entries(tags).map(([tag, name]) => `${tag}=${name}`)];
  const values = Object.entries(fields).map(([field, value]) => {
    if (typeof value === "string") return `${field}=${JSON.stringify(value)}`;
    return `${field}=${value}${fieldFacts(measurement, field)?.type === "integer" ? "i" : ""}`;
  });
  return `${series.join(",")} ${values.join(",")}`;
}

/** The device of a case: its options, and its profile by name or from beside it. */
async function configured(at: string) {
  const { data } = await readYaml(join(at, "config.yaml"));
  const devices = isRecord(data) ? data["devices"] : undefined;
  const device = isRecord(devices) ? devices["device"] : undefined;
  if (!isRecord(device)) throw new Error(`${at}/config.yaml has no device`);
  const { profile, ...options } = device;
  const own = join(at, "profile.yaml");
  const known = existsSync(own) ? (await readYaml(own)).data : profiles[String(profile)];
  return { options, profile: known };
}

async function replay(kind: (typeof kinds)[number], at: string) {
  const exchange = await readFile(join(at, "device/exchange.txt"), "utf8");
  const { options, profile } = await configured(at);
  await using device = await startRecording(parseExchange(exchange));
  await using driver = drivers[kind]?.create(contextWith());
  const all = { ...options, address: device.address };
  await using session = await driver?.open({ id: "device", options: all, profile });
  const groups = session?.groups.map(({ name }) => name) ?? [];
  const lp: string[] = [];
  const err: string[] = [];
  try {
    const reading = await session?.read(groups, never);
    expect(reading?.points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    lp.push(...(reading?.points.map(lineOf) ?? []));
    err.push(...(reading?.faults.map(({ code, at }) => `${code} ${at}`) ?? []));
  } catch (error) {
    const [first = ""] = explainError(error).split("\n");
    err.push(first.replace(device.address, "tcp://device"));
  }
  expect(device.left).toEqual([]);
  return { lp, err };
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

describe.each(kinds)("golden devices: %s", async (kind) => {
  it.each(await readdir(join(folder, kind)))("%s", async (subject) => {
    const at = join(folder, kind, subject);
    const { lp, err } = await replay(kind, at);
    await expect(text(lp)).toMatchFileSnapshot(join(at, "expected.lp"));
    await expect(text(err)).toMatchFileSnapshot(join(at, "expected.err"));
  });
});
