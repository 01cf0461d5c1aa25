/**
 * Modbus against software nobody here wrote: pymodbus as a device, mbpoll and modbus-serial's
 * client against our simulator, and modbus-serial's client beside ours where replies come late.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import modbusSerial from "modbus-serial";
import { describe, expect, it, vi } from "vitest";
import { decodeDeviceId, encodeDeviceIdRequest } from "../../drivers/modbus/pdu.ts";
import { simulate } from "../../drivers/modbus/simulator.ts";
import { TcpLine } from "../../drivers/modbus/tcp-line.ts";
import { connectTcp } from "../../drivers/transport/tcp.ts";
import type { Session } from "../../drivers/contract.ts";
import type { Peer } from "../drivers/modbus/world.ts";
import {
  busDefaults,
  codeOf,
  never,
  openDevice,
  profileOf,
  realClock,
  rightAnswer,
  startLine,
  startSerialPeer,
  valueAt,
} from "../drivers/modbus/world.ts";
import { needs, needsPython } from "../peers.ts";
import { freePort } from "../ports.ts";

const hasSocat = needs("socat", "socat");
const hasMbpoll = needs("mbpoll", "mbpoll");
const hasPymodbus = needsPython("pymodbus, serial", "python3-pymodbus");

/** A pymodbus server; `where` is a port or the path of a serial line. */
async function startPymodbus(kind: "tcp" | "rtu", where: string): Promise<AsyncDisposable> {
  const script = join(import.meta.dirname, "modbus_server.py");
  const child = spawn("/usr/bin/python3", [script, kind, where], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

const profile = profileOf({ maxRegisters: 50 }, [
  {
    measurement: "meter_phase",
    tags: { phase: "L1" },
    fields: { voltage_v: { at: 3, scale: 0.1 } },
  },
  {
    measurement: "meter_phase",
    tags: { phase: "L2" },
    fields: { voltage_v: { at: 120, table: "input", scale: 0.1 } },
  },
  {
    measurement: "digital_io",
    tags: { port: "{n}" },
    repeat: { count: 4, stride: 1 },
    fields: { input_state: { at: 9, table: "discrete" }, output_state: { at: 9, table: "coil" } },
  },
  // Beyond the server's last register: read as a block with its neighbour, refused, split.
  {
    measurement: "thermal",
    tags: { sensor: "last" },
    fields: { temp_c: { at: 199, scale: 0.01 }, dewpoint_c: { at: 200 } },
  },
]);

/** Waits until the server serves, then checks every value. */
async function expectPymodbus(session: Session): Promise<void> {
  const read = () => session.read(["default"], never);
  const { points, faults } = await vi.waitFor(read, { timeout: 10_000, interval: 50 });
  expect(faults).toEqual([{ code: "E_MODBUS_EXCEPTION", at: "holding 0x00c8" }]);
  const shown = points.map(({ tags, fields }) => [Object.values(tags ?? {})[0], fields]);
  expect(shown).toEqual([
    ["L1", { voltage_v: 100.3, q: 0 }],
    ["L2", { voltage_v: 112, q: 0 }],
    ["1", { input_state: 1, output_state: 1, q: 0 }],
    ["2", { input_state: 0, output_state: 0, q: 0 }],
    ["3", { input_state: 0, output_state: 0, q: 0 }],
    ["4", { input_state: 1, output_state: 1, q: 0 }],
    ["last", { temp_c: 11.99, q: 0 }],
  ]);
}

describe.skipIf(!hasPymodbus)("pymodbus as the device", () => {
  it("over TCP", async () => {
    const port = await freePort();
    await using _ = await startPymodbus("tcp", String(port));
    const address = `tcp://127.0.0.1:${port}`;
    await using device = await openDevice({ address, unit: 7 }, profile);
    await expectPymodbus(device.session);
  });

  it("says what it is [MODBUS-AP 6.21]", async () => {
    const port = await freePort();
    await using _ = await startPymodbus("tcp", String(port));
    await using line = new TcpLine({
      name: "pymodbus",
      connect: (signal) => connectTcp({ host: "127.0.0.1", port }, signal),
      clock: realClock,
    });
    const request = { unit: 7, pdu: encodeDeviceIdRequest(), timeout: 1000, pause: 0 };
    const reply = await vi.waitFor(() => line.exchange(request, never), { timeout: 10_000 });
    expect([...decodeDeviceId(reply).objects.values()]).toEqual(["Acme", "X1", "1.2"]);
  });

  it.skipIf(!hasSocat)("over a serial line", async () => {
    await using line = await startLine();
    await using _ = await startPymodbus("rtu", line.theirs);
    const buses = { line: { ...busDefaults, port: line.ours } };
    await using device = await openDevice(
      { bus: "line", unit: 7, timeout: "500ms" },
      profile,
      buses,
    );
    await expectPymodbus(device.session);
  });
});

const meter = profileOf({ table: "input", type: "float32" }, [
  { measurement: "meter_phase", tags: { phase: "L1" }, fields: { voltage_v: { at: 0 } } },
  {
    measurement: "energy_meter",
    fields: { import_wh_total: { at: 100, table: "holding", type: "uint32", order: "CDAB" } },
  },
  {
    measurement: "digital_io",
    tags: { port: "1" },
    fields: { output_state: { at: 5, table: "coil" } },
  },
]);

const clock = { now: () => Date.UTC(2026, 10, 23) };

/** What mbpoll printed behind `[address]:`. */
async function mbpoll(args: readonly string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)("mbpoll", ["-0", "-1", ...args]);
  return [...stdout.matchAll(/^\[\d+\]:\s+(\S+)/gm)].map(([, value = ""]) => value);
}

describe.skipIf(!hasMbpoll)("mbpoll reads our simulator", () => {
  it("over TCP", async () => {
    await using simulator = await simulate({ profile: meter, unit: 3, listen: {}, clock });
    simulator.set("meter_phase", "L1", { voltage_v: 230.5 });
    simulator.set("energy_meter", "", { import_wh_total: 0x0001_0002 });
    simulator.set("digital_io", "1", { output_state: 1 });
    const at = ["-m", "tcp", "-p", new URL(simulator.address).port, "-a", "3"];
    expect(await mbpoll([...at, "-t", "3:float", "-B", "-r", "0", "127.0.0.1"])).toEqual(["230.5"]);
    const words = await mbpoll([...at, "-t", "4", "-r", "100", "-c", "2", "127.0.0.1"]);
    expect(words).toEqual(["2", "1"]);
    expect(await mbpoll([...at, "-t", "0", "-r", "4", "-c", "3", "127.0.0.1"])).toEqual([
      "0",
      "1",
      "0",
    ]);
    expect(simulator.requests).toBe(3);
  });

  it.skipIf(!hasSocat)("over a serial line", async () => {
    await using line = await startLine();
    const serial = { ...busDefaults, port: line.theirs };
    await using simulator = await simulate({ profile: meter, unit: 3, listen: { serial }, clock });
    simulator.set("meter_phase", "L1", { voltage_v: 230.5 });
    const at = ["-m", "rtu", "-b", "115200", "-P", "none", "-a", "3"];
    expect(await mbpoll([...at, "-t", "3:float", "-B", "-r", "0", line.ours])).toEqual(["230.5"]);
  });
});

const hex = (words: readonly number[]): string =>
  words.map((word) => word.toString(16).padStart(4, "0")).join(" ");

describe("modbus-serial's client reads our simulator", () => {
  it("the registers that our own client reads", async () => {
    const values = ({ field }: { readonly field: string }): number => field.length * 7.25;
    await using simulator = await simulate({ profile: meter, unit: 3, values, listen: {}, clock });
    const client = new modbusSerial.default();
    await client.connectTCP("127.0.0.1", { port: Number(new URL(simulator.address).port) });
    client.setID(3);
    client.setTimeout(2000);
    const { data } = await client.readInputRegisters(0, 2);
    const { data: holding } = await client.readHoldingRegisters(100, 2);
    await new Promise<void>((resolve) => client.close(() => resolve()));

    await using device = await openDevice({ address: simulator.address, unit: 3 }, meter);
    const raws: string[] = [];
    await device.session.read(["default"], never, ({ raw }) => raws.push(raw));
    expect(raws.slice(0, 2)).toEqual([hex(data), hex(holding)]);
  });
});

/** In order, but always one behind: each request brings the answer to the one before. */
function startLateDevice(): Promise<Peer> {
  let held: Uint8Array | undefined;
  return startSerialPeer((request, link) => {
    if (held !== undefined) link.send(held);
    held = request.wrap(rightAnswer(request));
  });
}

/** Ten registers as one field, at a pace of its own. */
const tenAt = (at: number) => ({
  measurement: "thermal",
  tags: { sensor: String(at) },
  every: `${at}s`,
  fields: { x_block_code: { at, type: "string", length: 10 } },
});

describe.skipIf(!hasSocat)("a device that answers one request late, with as many registers", () => {
  it("modbus-serial takes it for the answer to another request: wrong data, no error", async () => {
    await using device = await startLateDevice();
    const client = new modbusSerial.default();
    await client.connectRTUBuffered(device.address, { baudRate: 115_200 });
    client.setID(1);
    client.setTimeout(200);
    const failed = client.readHoldingRegisters(100, 10);
    await expect(failed).rejects.toThrow("Timed out");
    const second = await client.readHoldingRegisters(200, 10);
    await new Promise<void>((resolve) => client.close(() => resolve()));
    expect(second.data[0]).toBe(valueAt(100));
  });

  it("ours does not: the answer is right, or there is none", async () => {
    await using device = await startLateDevice();
    const wide = profileOf({}, [tenAt(100), tenAt(200), tenAt(300)]);
    const buses = { line: { ...busDefaults, port: device.address } };
    await using ours = await openDevice({ bus: "line", timeout: "200ms" }, wide, buses);
    const raws = new Map<string, string>();
    for (const group of ["100s", "200s", "300s", "100s", "200s", "300s"]) {
      const code = await codeOf(
        ours.session.read([group], never, ({ at, raw }) => raws.set(at, raw.slice(0, 4))),
      );
      expect(["none", "E_MODBUS_TIMEOUT", "E_MODBUS_FRAME"]).toContain(code);
    }
    for (const [at, raw] of raws) {
      const address = Number(/0x[0-9a-f]+/.exec(at)?.[0]);
      expect(raw).toBe(valueAt(address).toString(16).padStart(4, "0"));
    }
  });
});
