/** `rackstreet plan`: what a person and a machine see, with nothing at the other end. */
import { afterAll, describe, expect, test } from "vitest";
import { openFolder, rackstreet, start } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());

const at = { cwd: folder.path };

const meters = (count: number, interval: string): string => {
  const lines = Array.from(
    { length: count },
    (_, index) => `  m${index}: { profile: eastron-sdm630, bus: rs, unit: ${index + 1} }`,
  );
  return `site: lab
agent: { interval: ${interval} }
buses: { rs: { port: /dev/ttyS9, baud: 9600 } }
devices:
${lines.join("\n")}
  pdu: { profile: raritan-px-modbus, address: tcp://10.0.0.9 }
  toy: { driver: sim }
`;
};

describe("plan", () => {
  test("shows each request, each bus and that there is room, and exits 0", async () => {
    folder.write("good.yaml", meters(2, "5s"));
    const { code, out, err } = await rackstreet(["plan", "good.yaml"], at);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("rs (/dev/ttyS9, 9600 8N1)");
    expect(out).toMatch(/^ m0 +5s +input 0x0000 ×76 +76 +50 +\d+\.\d $/m);
    expect(out).toMatch(/^load \d+\.\d %, 2 of 32 unit loads: ok$/m);
    expect(out).toContain("tcp://10.0.0.9:502");
    expect(out.trimEnd().split("\n").at(-1)).toBe("verdict: ok");
  });

  test("says what would make an overbooked bus fit, and exits 65", async () => {
    folder.write("full.yaml", meters(12, "1s"));
    const { code, out } = await rackstreet(["plan", "full.yaml"], at);
    expect(code).toBe(65);
    expect(out).toMatch(/an interval of 5s would fit/);
    expect(out).toMatch(/115200 baud would fit|moved to a wire of their own/);
    expect(out.trimEnd().split("\n").at(-1)).toBe("verdict: overbooked");
    const check = await rackstreet(["check", "full.yaml"], at);
    expect(check.code).toBe(0);
    expect(check.out).toMatch(/^warning: rs \(\/dev\/ttyS9, 9600 8N1\) is overbooked: \d+/);
  });

  test("warns of more devices than a wire drives", async () => {
    folder.write("many.yaml", meters(33, "1m"));
    const { code, out } = await rackstreet(["plan", "many.yaml"], at);
    expect(code).toBe(0);
    expect(out).toContain("33 of 32 unit loads");
    expect(out).toContain("need a repeater or a second segment");
  });

  test("of one device shows what its time consists of, and of its bus only the load", async () => {
    folder.write("good.yaml", meters(2, "5s"));
    const { code, out } = await rackstreet(["plan", "good.yaml", "--device", "m1"], at);
    expect(code).toBe(0);
    expect(out).toMatch(/ ms +bytes +silence +device +way/);
    expect(out).not.toMatch(/ m0 |10\.0\.0\.9/);
    expect(out).toMatch(/^ 5s +2 +6 /m);
  });

  test.each([
    ["nobody", "no device nobody; the configuration has: m0, pdu, toy"],
    ["toy", "toy: the driver sim has no plan to show"],
  ])("of %s says what is wrong, and exits 64", async (device, why) => {
    folder.write("one.yaml", meters(1, "5s"));
    const { code, err } = await rackstreet(["plan", "one.yaml", "--device", device], at);
    expect(code).toBe(64);
    expect(err).toContain(why);
  });

  test("with --json gives the same to machines", async () => {
    folder.write("full.yaml", meters(12, "1s"));
    const { code, out } = await rackstreet(["plan", "full.yaml", "--json"], at);
    expect(code).toBe(65);
    const { buses, verdict } = JSON.parse(out);
    expect(verdict).toBe("overbooked");
    expect(buses).toHaveLength(2);
    expect(buses[0]).toMatchObject({
      name: "rs (/dev/ttyS9, 9600 8N1)",
      key: "serial:/dev/ttyS9",
      unitLoads: 12,
      verdict: "overbooked",
      rates: [{ every: 1000, devices: 12, requests: 36 }],
    });
    const [request] = buses[0].devices[0].beats[0].requests;
    expect(request).toMatchObject({ at: "input 0x0000 ×76", reads: 76, wanted: 50 });
    const sum = Object.values<number>(request.parts).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(request.ms, 2);
  });

  test("is what the agent warns by when it starts", async () => {
    const device = "{ profile: eastron-sdm630, address: rtu+tcp://127.0.0.1:1, interval: 200ms }";
    const agent = "{ data: agent, uplink: { url: mqtt://127.0.0.1:1 } }";
    folder.write("start.yaml", `agent: ${agent}\ndevices: { m: ${device} }\n`);
    await using running = start(["agent", "start.yaml"], at);
    await running.shown("agent started");
    running.stop("SIGTERM");
    const { err } = await running.ended;
    const lines = err.split("\n").filter((line) => line.includes("bus crowded"));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "warn",
      bus: "tcp://127.0.0.1:1",
      why: expect.stringMatching(/^is overbooked: \d+\.\d % of its time$/),
    });
  });

  test("of simulated devices and of none at all", async () => {
    const device = "{ profile: generic-parking-counter, simulate: true }";
    folder.write("sim.yaml", `devices: { a: ${device}, b: ${device}, t: { driver: sim } }\n`);
    const { out } = await rackstreet(["plan", "sim.yaml"], at);
    expect(out).toMatch(/^a \(simulated\)$[^]*^b \(simulated\)$/m);
    folder.write("none.yaml", "devices: { t: { driver: sim } }\n");
    const none = await rackstreet(["plan", "none.yaml"], at);
    expect(none).toMatchObject({ code: 0, err: "" });
    expect(none.out).toMatch(/^nothing to plan/);
  });
});
