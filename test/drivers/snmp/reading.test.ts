/** How an agent is read: little at a time where it bears no more, and stopped by no object. */
import { describe, expect, test } from "vitest";
import type { Memory } from "../../../drivers/contract.ts";
import { snmp } from "../../../drivers/snmp/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { contextWith, never } from "../modbus/world.ts";
import type { Agent } from "./agent.ts";
import { parseWalk, startAgent } from "./agent.ts";
import { pdu, pduWalk, privateBase as base, profileOf } from "./world.ts";

interface Given {
  readonly profile?: unknown;
  readonly memory?: Memory;
  readonly version?: string;
}

async function open(agent: Agent, { profile = pdu, memory, version = "v2c" }: Given = {}) {
  const driver = snmp.create(contextWith());
  const options = { address: agent.address, version, timeout: "150ms", retries: 0 };
  const target = { id: "pdu", options, profile };
  const session = await driver.open(memory === undefined ? target : { ...target, memory });
  const groups = session.groups.map(({ name }) => name);
  return {
    read: () => session.read(groups, never),
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    },
  };
}

async function codeOf(read: Promise<unknown>): Promise<string> {
  const error: unknown = await read.catch((reason: unknown) => reason);
  return error instanceof GatewayError ? `${error.code} ${error.message}` : "none";
}

const rows = (count: number) =>
  Array.from({ length: count }, (_, at) => `${base}.2.1.4.${at + 1}|66|${at}`).join("\n");
const column = profileOf([
  {
    measurement: "pdu_outlet",
    tags: { outlet: "{index}" },
    fields: { current_a: { at: `${base}.2.1.4` } },
  },
]);
const objects = (count: number) =>
  profileOf(
    Array.from({ length: count }, (_, at) => ({
      measurement: "thermal",
      tags: { sensor: `t${at}` },
      fields: { temp_c: { at: `${base}.5.${at}.0` } },
    })),
  );
const objectWalk = (count: number) =>
  parseWalk(Array.from({ length: count }, (_, at) => `${base}.5.${at}.0|2|${at}`).join("\n"));

describe("a table", () => {
  // [RFC 1157 4.1.3]
  test("at the end of everything ends in v1 too", async () => {
    await using agent = await startAgent(parseWalk(rows(3)));
    await using device = await open(agent, { profile: column, version: "v1" });
    const { points, faults } = await device.read();
    expect(points).toHaveLength(3);
    expect(faults).toEqual([]);
  });

  test("of 100 rows takes a few answers, and later one of the right size", async () => {
    await using agent = await startAgent(parseWalk(rows(100)));
    await using device = await open(agent, { profile: column });
    expect((await device.read()).points).toHaveLength(100);
    expect(agent.asked.length).toBeLessThan(12);
    agent.walk = parseWalk(rows(7));
    await device.read();
    agent.asked.length = 0;
    expect((await device.read()).points).toHaveLength(7);
    expect(agent.asked.map(({ repetitions }) => repetitions)).toEqual([8]);
  });

  test("whose rows come and go gives those that are there", async () => {
    await using agent = await startAgent(parseWalk(rows(3)));
    await using device = await open(agent, { profile: column });
    expect((await device.read()).points).toHaveLength(3);
    agent.walk = parseWalk(`${rows(2)}\n${base}.2.1.4.9|66|5`);
    const { points, faults } = await device.read();
    expect(points.map(({ tags }) => tags?.["outlet"])).toEqual(["1", "2", "9"]);
    expect(faults).toEqual([]);
  });

  test("that never ends is cut, and that is a fault", async () => {
    await using agent = await startAgent(parseWalk(rows(2100)));
    await using device = await open(agent, { profile: column });
    const { points, faults } = await device.read();
    expect(points).toHaveLength(2048);
    expect(faults).toEqual([
      { code: "E_DEVICE_FRAME", at: `column ${base}.2.1.4: more than 2048 rows` },
    ]);
  });

  test.each(["v1", "v2c"])(
    "is read in smaller answers by an agent with little room, %s",
    async (version) => {
      await using agent = await startAgent(pduWalk);
      agent.most = 6;
      await using device = await open(agent, { version });
      const { points, faults } = await device.read();
      expect(faults).toEqual([]);
      expect(points).toHaveLength(3);
    },
  );

  test("with a column that the agent stumbles over gives the others", async () => {
    await using agent = await startAgent(pduWalk);
    agent.broken = `${base}.2.1.4`;
    await using device = await open(agent);
    const { points, faults } = await device.read();
    expect(points.map(({ fields }) => Object.keys(fields))).toContainEqual(["outlet_state", "q"]);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.at).toContain(`column ${base}.2.1.4: GeneralError`);
  });
});

describe("objects", () => {
  test("are asked for twenty at a time", async () => {
    await using agent = await startAgent(objectWalk(45));
    await using device = await open(agent, { profile: objects(45) });
    expect((await device.read()).points).toHaveLength(45);
    expect(agent.asked.map(({ oids }) => oids.length)).toEqual([20, 20, 5]);
  });

  test("go in halves to an agent that refuses so many, and later too", async () => {
    await using agent = await startAgent(objectWalk(20));
    agent.most = 6;
    await using device = await open(agent, { profile: objects(20) });
    expect((await device.read()).points).toHaveLength(20);
    agent.asked.length = 0;
    await device.read();
    expect(agent.asked.every(({ oids }) => oids.length <= 5)).toBe(true);
  });

  test("to an agent that is deaf to so many are fewer the next time", async () => {
    await using agent = await startAgent(objectWalk(20));
    agent.deafAbove = 12;
    await using device = await open(agent, { profile: objects(20) });
    expect(await codeOf(device.read())).toContain("E_DEVICE_TIMEOUT");
    expect((await device.read()).points).toHaveLength(20);
  });

  // [RFC 3416 3]
  test.each(["v1", "v2c"])("that are not there are faults of their own, %s", async (version) => {
    const walk = objectWalk(3);
    walk.delete(`${base}.5.1.0`);
    await using agent = await startAgent(walk);
    await using device = await open(agent, { profile: objects(3), version });
    const { points, faults } = await device.read();
    expect(points.map(({ tags }) => tags?.["sensor"])).toEqual(["t0", "t2"]);
    expect(faults).toEqual([{ code: "E_DEVICE_REFUSED", at: `${base}.5.1.0: no such object` }]);
  });

  test("of another product: the message says which it is", async () => {
    const walk = parseWalk("1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10");
    await using agent = await startAgent(walk);
    await using device = await open(agent);
    const code = await codeOf(device.read());
    expect(code).toContain("E_DEVICE_REFUSED");
    expect(code).toContain(`it is a 1.3.6.1.4.1.8072.3.2.10, and test-device is for ${base}.9`);
  });
});

test("garbage between answers is no more than garbage", async () => {
  await using agent = await startAgent(pduWalk);
  agent.mood = "garbage";
  await using device = await open(agent);
  const { points, faults } = await device.read();
  expect(points).toHaveLength(3);
  expect(faults).toEqual([]);
});

test("a counter that wraps goes on, over a restart too", async () => {
  let kept: unknown;
  const memory = (): Memory => ({
    kept,
    keep(value) {
      kept = JSON.parse(JSON.stringify(value));
    },
  });
  await using agent = await startAgent(pduWalk);
  const energy = async (): Promise<unknown> => {
    await using device = await open(agent, { memory: memory() });
    return (await device.read()).points[0]?.fields["energy_wh_total"];
  };
  expect(await energy()).toBe(429_496_729_000);
  agent.walk = new Map([...pduWalk, ...parseWalk(`${base}.1.2.0|65|10`)]);
  expect(await energy()).toBe((2 ** 32 + 10) * 100);
});

test("two rows of one name stay two", async () => {
  const walk = new Map([...pduWalk, ...parseWalk(`${base}.2.1.2.2|4|A1`)]);
  await using agent = await startAgent(walk);
  await using device = await open(agent);
  const { points } = await device.read();
  expect(points.map(({ tags }) => tags?.["outlet"])).toEqual([undefined, "A1", "A1 2"]);
});

// [RFC 3414 11.2]
test("a passphrase that is too short is told before anything is asked", async () => {
  await using agent = await startAgent(pduWalk);
  await using driver = snmp.create(contextWith());
  const login = { version: "v3", user: "monitor", authPassword: "1234567" };
  const options = { address: agent.address, ...login };
  await using session = await driver.open({ id: "pdu", options, profile: pdu });
  const told = await codeOf(session.read(["default"], never));
  expect(told).toBe("E_CONFIG authPassword needs at least 8 characters");
  expect(agent.asked).toEqual([]);
});

test.each([
  [{ version: "v3" }, "`user` goes with"],
  [{ user: "monitor" }, "`user` goes with"],
  [{ authPassword: "12345678" }, "`authPassword` goes with"],
  [{ version: "v3", user: "monitor", privPassword: "12345678" }, "`privPassword` needs"],
])("options that contradict each other are told: %j", (login, message) => {
  const [problem = ""] = snmp.problems({ address: "udp://10.0.0.8", ...login });
  expect(problem).toContain(message);
});
