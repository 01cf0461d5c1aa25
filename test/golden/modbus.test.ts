/**
 * Golden Modbus devices: `config.yaml` is what a user would write, `profile.yaml` how the device is
 * read, `device/registers.txt` what it holds (the rest is illegal). Two reads each: of all groups,
 * then of the groups without a pace of their own. `expected.lp` are the points, `expected.requests`
 * the exact requests, `expected.err` the faults. `npx vitest run test/golden/modbus.test.ts -u`
 * rewrites. `library/` holds devices of the shipped profiles, each under its profile's id:
 * registers as makers print them, or encoded by hand from the source's table, and what they mean.
 * Both sides are written by hand there, so that nothing rewrites them.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readYaml } from "../../config/index.ts";
import { encodeException, encodeReadReply, placeOf } from "../../drivers/modbus/pdu.ts";
import type { Point, Reading } from "../../telemetry/index.ts";
import { fieldFacts, isRecord, problemOf } from "../../telemetry/index.ts";
import type { Behaviour } from "../drivers/modbus/world.ts";
import { never, openDevice, startPeer } from "../drivers/modbus/world.ts";

const folder = join(import.meta.dirname, "drivers/modbus");
const library = join(import.meta.dirname, "drivers/library");
const profiles = join(import.meta.dirname, "../../config/profiles/modbus");

/** `input 0x0046: 4247 eb85` or `coil 0x001f: 1 0 1`, one row of addresses each. */
function parseRegisters(text: string): ReadonlyMap<string, number> {
  const words = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, table = "", at = "", values = ""] = /^(\w+) (0x[0-9a-f]{4}): (.+)$/.exec(line) ?? [];
    for (const [index, value] of values.split(" ").entries()) {
      words.set(`${table} ${Number(at) + index}`, Number.parseInt(value, 16));
    }
  }
  return words;
}

/** Answers from the registers, exception 2 where one is missing. */
function answering(words: ReadonlyMap<string, number>): Behaviour {
  return ({ pdu, span, wrap }, link) => {
    if (span === undefined) return link.send(wrap(encodeException(pdu, 1)));
    const values: number[] = [];
    for (let at = span.at; at < span.at + span.count; at += 1) {
      const word = words.get(`${span.table} ${at}`);
      if (word === undefined) return link.send(wrap(encodeException(pdu, 2)));
      values.push(word);
    }
    link.send(wrap(encodeReadReply(span, values)));
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

async function configured(subject: string): Promise<Record<string, unknown>> {
  const { data } = await readYaml(join(folder, subject, "config.yaml"));
  const devices = isRecord(data) ? data["devices"] : undefined;
  const device = isRecord(devices) ? devices["device"] : undefined;
  return isRecord(device) ? device : {};
}

async function replay(subject: string) {
  const registers = await readFile(join(folder, subject, "device/registers.txt"), "utf8");
  const { data: profile } = await readYaml(join(folder, subject, "profile.yaml"));
  await using peer = await startPeer("tcp", answering(parseRegisters(registers)));
  const options = { ...(await configured(subject)), address: peer.address };
  await using device = await openDevice(options, profile);
  const { session } = device;
  const shown: Record<"lp" | "err" | "requests", string[]> = { lp: [], err: [], requests: [] };
  const take = ({ points, faults }: Reading, title: string, from: number): void => {
    expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    shown.lp.push(title, ...points.map(lineOf));
    shown.err.push(...faults.map(({ code, at }) => `${title.slice(2)}: ${code} ${at}`));
    const asked = peer.requests.slice(from).flatMap(({ span }) => span ?? []);
    shown.requests.push(title, ...asked.map((span) => `${placeOf(span)} ×${span.count}`));
  };
  const every = session.groups.map(({ name }) => name);
  take(await session.read(every, never), "# read 1", 0);
  const before = peer.requests.length;
  const usual = session.groups.filter((group) => group.every === undefined);
  take(await session.read(usual.map(({ name }) => name), never), "# read 2", before);
  return shown;
}

/** One reading of all groups of a device of the library. */
async function readLibrary(id: string): Promise<Reading> {
  const registers = await readFile(join(library, id, "device/registers.txt"), "utf8");
  const { data: profile } = await readYaml(join(profiles, `${id}.yaml`));
  await using peer = await startPeer("tcp", answering(parseRegisters(registers)));
  await using device = await openDevice({ address: peer.address }, profile);
  const groups = device.session.groups.map(({ name }) => name);
  return await device.session.read(groups, never);
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

describe("golden Modbus devices", async () => {
  it.each(await readdir(folder))("%s", async (subject) => {
    const { lp, err, requests } = await replay(subject);
    const file = (name: string): string => join(folder, subject, `expected.${name}`);
    await expect(text(lp)).toMatchFileSnapshot(file("lp"));
    await expect(text(err)).toMatchFileSnapshot(file("err"));
    await expect(text(requests)).toMatchFileSnapshot(file("requests"));
  });
});

describe("golden devices of the library", async () => {
  it.each(await readdir(library))("%s", async (id) => {
    const { points, faults } = await readLibrary(id);
    expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    const expected = await readFile(join(library, id, "expected.lp"), "utf8");
    expect(text(points.map(lineOf))).toBe(expected);
    expect(faults).toEqual([]);
  });
});
