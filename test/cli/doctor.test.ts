/** `rackstreet doctor` at real sockets and pseudo terminals. */
import { afterAll, describe, expect, test } from "vitest";
import { openSerial } from "../../drivers/transport/serial.ts";
import type { Behaviour } from "../drivers/modbus/world.ts";
import {
  busDefaults,
  honest,
  rightAnswer,
  startPeer,
  startSerialPeer,
} from "../drivers/modbus/world.ts";
import { startLine } from "../line.ts";
import { startPython } from "../peers/python.ts";
import { needs, needsPython } from "../peers.ts";
import { freePort } from "../ports.ts";
import { openFolder, rackstreet } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());

const doctor = (...args: string[]) =>
  rackstreet(["doctor", "--listen", "200ms", ...args], { cwd: folder.path });

interface Line {
  readonly healthy: boolean;
  readonly findings: readonly { readonly cause: string; readonly remedy: string }[];
}

function firstLine(out: string): Line {
  return JSON.parse(out).lines[0];
}

describe("over TCP", () => {
  test("a line in order is healthy, exit code 0", async () => {
    await using peer = await startPeer("tcp");
    const { code, out, err } = await doctor("--address", peer.address, "--json");
    expect([code, firstLine(out).healthy]).toEqual([0, true]);
    expect(err).toContain("asking unit 1");
  });

  test("a port where nobody listens is told in words, exit code 65", async () => {
    const port = await freePort();
    const { code, out } = await doctor("--address", `tcp://127.0.0.1:${port}`);
    expect(code).toBe(65);
    expect(out).toMatch(/a fault was found/);
    expect(out).toMatch(/^1\. the gateway or device does not accept connections \(99 %\)$/m);
    expect(out).toMatch(/^ {3}next: Ping it/m);
  });

  test("the lines of a configuration are examined with the registers of its profiles", async () => {
    await using peer = await startPeer("tcp");
    const config = folder.write(
      "site.yaml",
      `site: lab
devices:
  meter: { profile: eastron-sdm120, address: "${peer.address}", unit: 4, timeout: 300ms }
  other: { profile: eastron-sdm120, address: "${peer.address}", unit: 5, timeout: 300ms }
  toy: { driver: sim }
`,
    );
    const { code, out } = await doctor(config, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out).lines).toHaveLength(1);
    expect(new Set(peer.requests.map(({ unit }) => unit))).toEqual(new Set([4, 5]));
    const counts = new Set(peer.requests.map(({ span }) => `${span?.table} ${span?.count}`));
    expect([...counts].every((count) => count.startsWith("input "))).toBe(true);
  });

  test.each([
    [["--unit", "0-900"], "--unit 0-900"],
    [["--unit", "1"], "either --address or --port"],
    [["nowhere.yaml"], "nowhere.yaml"],
  ])("%j is a mistake", async (args, text) => {
    const { code, err } = await doctor(...args);
    expect([64, 78]).toContain(code);
    expect(err).toContain(text);
  });
});

const hasPymodbus = needs("socat", "socat") && needsPython("pymodbus, serial", "python3-pymodbus");

test.skipIf(!hasPymodbus)("a device by pymodbus at a serial port is healthy", async () => {
  await using line = await startLine();
  await using _server = await startPython("modbus_server.py", ["rtu", line.theirs]);
  const where = ["--port", line.ours, "--baud", "115200", "--unit", "7", "--json"];
  const { code, out } = await doctor(...where);
  expect([code, firstLine(out)], out).toMatchObject([0, { healthy: true }]);
});

const echoing: Behaviour = (request, link) => {
  link.send(request.frame);
  link.send(request.wrap(rightAnswer(request)));
};

const damaging: Behaviour = (request, link) => {
  const frame = request.wrap(rightAnswer(request));
  const hit = request.index % 4 === 1 ? 3 + ((request.index * 7) % (frame.length - 3)) : -1;
  link.send(frame.map((byte, at) => (at === hit ? byte ^ 0x10 : byte)));
};

describe.skipIf(!needs("socat", "socat"))("at a serial port", () => {
  test.each([
    ["honest", honest, undefined],
    ["that echoes", echoing, ["echo"]],
    ["whose replies are damaged", damaging, ["termination", "noise"]],
  ] as const)("a device %s", async (_name, behaviour, expected) => {
    await using peer = await startSerialPeer(behaviour);
    const where = ["--port", peer.address, "--baud", "115200", "--timeout", "150ms", "--json"];
    const { code, out } = await doctor(...where);
    const { healthy, findings } = firstLine(out);
    expect([code, healthy]).toEqual(expected === undefined ? [0, true] : [65, false]);
    if (expected !== undefined) expect(expected).toContain(findings[0]?.cause);
  });

  test("that another program holds", async () => {
    await using peer = await startSerialPeer();
    const channel = await openSerial({ ...busDefaults, port: peer.address });
    const { code, out } = await doctor("--port", peer.address, "--json");
    expect([code, firstLine(out).findings[0]?.cause]).toEqual([65, "held"]);
    await channel.close();
  });

  test("that is not there", async () => {
    const { code, out } = await doctor("--port", "/dev/rackstreet-is-not-there", "--json");
    expect([code, firstLine(out).findings[0]?.cause]).toEqual([65, "unplugged"]);
  });
});
