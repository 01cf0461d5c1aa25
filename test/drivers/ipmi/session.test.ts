/** What is asked of the tools, when, and what their failures mean. */
import { mkdtemp, readdir, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { ipmi } from "../../../drivers/ipmi/index.ts";
import { codeOf, contextWith, never } from "../modbus/world.ts";
import { lan, openServer, smallServer, startTools } from "./world.ts";

const noSession = "Error: Unable to establish IPMI v2 / RMCP+ session\n";
const unsupported = "\n    DCMI request failed because: Invalid command (c1)\n";

const parts = (calls: readonly string[]): string[] =>
  calls.map((call) => call.slice(call.search(/-N 1 /) + 5));

describe("what is asked", () => {
  it("the list of sensors once, then the values by it", async () => {
    await using tools = await startTools(smallServer);
    await using server = await openServer(lan(tools, { parts: ["sensors"] }));
    await server.session.read(server.groups, never);
    await server.session.read(server.groups, never);
    expect(parts(tools.asked())).toEqual([
      "sdr dump OWN/ipmitool.sdr.new",
      "-S OWN/ipmitool.sdr exec OWN/ask",
      "-S OWN/ipmitool.sdr exec OWN/ask",
    ]);
  });

  it("the list again when the controller's has changed [IPMI-2.0 33.9]", async () => {
    await using tools = await startTools(smallServer);
    await using server = await openServer(lan(tools, { parts: ["sensors"] }));
    await server.session.read(server.groups, never);
    const info = (smallServer["info.txt"] ?? "").replace("21:36:18", "21:36:19");
    tools.play({ ...smallServer, "info.txt": info });
    await server.session.read(server.groups, never);
    await server.session.read(server.groups, never);
    const lists = parts(tools.asked()).filter((call) => call.startsWith("sdr dump"));
    expect(lists).toHaveLength(2);
    expect(tools.asked()).toHaveLength(6);
  });

  it("the values alone of a controller that does not tell when its list changes", async () => {
    await using tools = await startTools({ ...smallServer, "info.txt": "" });
    await using server = await openServer(lan(tools, { parts: ["sensors"] }));
    await server.session.read(server.groups, never);
    expect((await server.session.read(server.groups, never)).points).toHaveLength(2);
    expect(parts(tools.asked()).slice(-2)).toEqual([
      "-S OWN/ipmitool.sdr sdr elist all",
      "-S OWN/ipmitool.sdr sdr elist all",
    ]);
  });

  it("the list once, too, of a controller with a sensor that is broken for good", async () => {
    const broken = { ...smallServer, "sensors.err": "Error reading sensor\n" };
    await using tools = await startTools(broken);
    await using server = await openServer(lan(tools, { parts: ["sensors"] }));
    for (let time = 0; time < 3; time += 1) {
      const { points, faults } = await server.session.read(server.groups, never);
      expect(points).toHaveLength(2);
      expect(faults).toEqual([{ code: "E_PROGRAM", at: "sensors: not all read" }]);
    }
    expect(tools.asked()).toHaveLength(4);
  });

  it("the list again when no value comes by it", async () => {
    await using tools = await startTools(smallServer);
    await using server = await openServer(lan(tools, { parts: ["sensors"] }));
    await server.session.read(server.groups, never);
    tools.play({ "info.txt": smallServer["info.txt"] ?? "", "sensors.err": "unable to read\n" });
    expect(await codeOf(server.session.read(server.groups, never))).toBe("E_PROGRAM");
    tools.play(smallServer);
    await server.session.read(server.groups, never);
    expect(parts(tools.asked()).filter((call) => call.startsWith("sdr dump"))).toHaveLength(2);
  });

  it("sensors at their own pace only when their group is read", async () => {
    await using tools = await startTools(smallServer);
    await using server = await openServer(lan(tools, { sensorsEvery: "60s" }));
    expect(server.session.groups).toEqual([
      { name: "default", every: undefined },
      { name: "sensors", every: 60_000 },
    ]);
    await server.session.read(["default"], never);
    expect(parts(tools.asked())).toEqual(["chassis status", "dcmi power reading"]);
  });

  it("one thing at a time of one controller, whoever asks", async () => {
    await using tools = await startTools(smallServer);
    await using driver = ipmi.create(contextWith());
    const open = (id: string) => driver.open({ id, options: lan(tools), profile: undefined });
    await using one = await open("one");
    await using two = await open("two");
    const began = tools.hang();
    const first = codeOf(one.read(["default"], never));
    const second = codeOf(two.read(["default"], never));
    await vi.waitFor(() => expect(began()).toBe(true), 10_000);
    expect(tools.asked()).toHaveLength(1);
    tools.goOn();
    await one[Symbol.asyncDispose]();
    expect(await first).toBe("E_DISCONNECTED");
    expect(await second).toBe("none");
  });

  it("nothing of it with a secret in its arguments, and it keeps no file", async () => {
    await using tools = await startTools(smallServer);
    const own = await mkdtemp(join(tmpdir(), "ipmi-own-"));
    vi.stubEnv("TMPDIR", own);
    for (const tool of ["ipmitool", "freeipmi"]) {
      await using server = await openServer(lan(tools, { tool, kg: "0x6b6579", cipher: 17 }));
      await codeOf(server.session.read(server.groups, never));
    }
    const calls = tools.asked().join("\n");
    expect(calls).not.toContain("not-to-be-seen");
    expect(calls).not.toMatch(/6b6579|key/);
    const told = tools.told();
    expect(told).toContain("IPMI_PASSWORD=not-to-be-seen");
    expect(told).toContain("IPMI_KGKEY=key");
    expect(told).toContain('password "not-to-be-seen"');
    expect(told).toContain('k_g "0x6b6579"');
    vi.unstubAllEnvs();
    expect(await readdir(own)).toEqual([]);
    await rmdir(own);
  });

  it("a password may hold what freeipmi's file has a use for", async () => {
    await using tools = await startTools(smallServer);
    const odd = String.raw`a#"b\ c`;
    await using server = await openServer(lan(tools, { tool: "freeipmi", password: odd }));
    await codeOf(server.session.read(server.groups, never));
    expect(tools.told()).toContain(String.raw`password "a\#\"b\\ c"`);
    await using other = await openServer(lan(tools, { tool: "freeipmi", password: "a\nb" }));
    expect(await codeOf(other.session.read(other.groups, never))).toBe("E_LOGIN");
  });

  it("a key of other bytes needs the other tool", async () => {
    await using tools = await startTools(smallServer);
    await using server = await openServer(lan(tools, { kg: "0x00ff" }));
    await expect(server.session.read(server.groups, never)).rejects.toThrow(/tool: freeipmi/);
    expect(tools.asked()).toEqual([]);
  });
});

describe("what fails", () => {
  it("a controller without DCMI: told once, not asked again, the rest is read", async () => {
    await using tools = await startTools({ ...smallServer, "power.err": unsupported });
    await using server = await openServer(lan(tools));
    const first = await server.session.read(server.groups, never);
    expect(first.faults).toEqual([{ code: "E_DEVICE_REFUSED", at: "power" }]);
    expect(first.points).toHaveLength(3);
    const second = await server.session.read(server.groups, never);
    expect(second.faults).toEqual([]);
    expect(parts(tools.asked()).filter((call) => call.startsWith("dcmi"))).toHaveLength(1);
  });

  it("a controller without DCMI of which nothing else is wanted says so each time", async () => {
    await using tools = await startTools({ ...smallServer, "power.err": unsupported });
    await using server = await openServer(lan(tools, { parts: ["power"] }));
    for (let time = 0; time < 2; time += 1) {
      expect(await codeOf(server.session.read(server.groups, never))).toBe("E_DEVICE_REFUSED");
    }
    expect(tools.asked()).toHaveLength(1);
  });

  it.each([
    ["deactivated", "E_DEVICE_REFUSED"],
    ["perhaps", "E_DEVICE_FRAME"],
  ])("power that is %s is none", async (state, code) => {
    const power = (smallServer["power.txt"] ?? "").replace("activated", state);
    await using tools = await startTools({ ...smallServer, "power.txt": power });
    await using server = await openServer(lan(tools));
    const { points, faults } = await server.session.read(server.groups, never);
    expect(points.find(({ measurement }) => measurement === "server")?.fields).toEqual({
      on_state: 1,
      health_state: 0,
      q: 0,
    });
    expect(faults.at(-1)).toEqual({ code, at: "power" });
  });

  it("output that was cut gives no power", async () => {
    const power = (smallServer["power.txt"] ?? "").slice(0, 120);
    await using tools = await startTools({ ...smallServer, "power.txt": power });
    await using server = await openServer(lan(tools, { parts: ["power"] }));
    expect(await codeOf(server.session.read(server.groups, never))).toBe("E_DEVICE_FRAME");
  });

  it.each([
    ["> RAKP 2 HMAC is invalid", "E_LOGIN", /the password is wrong/],
    ["RAKP 2 message indicates an error : unauthorized name", "E_LOGIN", /unauthorized name/],
    ["Error in open session response message : invalid role", "E_LOGIN", /invalid role/],
    [
      "Error in open session response message : insufficient resources for session",
      "E_CONNECT",
      /all its sessions are taken/,
    ],
    ["Address lookup for bmc failed", "E_CONNECT", /Address lookup/],
    ["Get Auth Capabilities error", "E_DEVICE_TIMEOUT", /no answer/],
  ])("no session, and the reason is: %s", async (reason, code, message) => {
    await using tools = await startTools({
      "chassis.err": noSession,
      "session.err": `Loading IANA PEN Registry...\n${reason}\n${noSession}`,
    });
    // An answer that is awaited for long is lost, however slow this machine is.
    await using server = await openServer(lan(tools, { resend: "60s" }));
    const error = server.session.read(server.groups, never);
    expect(await codeOf(error)).toBe(code);
    await expect(error).rejects.toThrow(message);
    expect(tools.asked()).toHaveLength(2);
  });

  it.each([
    ["ipmi-chassis: password invalid", "E_LOGIN"],
    ["ipmi-chassis: username invalid", "E_LOGIN"],
    ["ipmi-chassis: privilege level cannot be obtained for this user", "E_LOGIN"],
    ["ipmi-chassis: connection timeout", "E_DEVICE_TIMEOUT"],
    ["ipmi-chassis: invalid hostname", "E_CONNECT"],
    ["could not find inband device", "E_CONNECT"],
    ["ipmi_ctx_open_outofband_2_0: internal IPMI error", "E_PROGRAM"],
  ])("freeipmi says: %s", async (said, code) => {
    await using tools = await startTools({
      "chassis.err": said,
      "power.err": "",
      "sensors.err": "",
    });
    await using server = await openServer(lan(tools, { tool: "freeipmi" }));
    expect(await codeOf(server.session.read(server.groups, never))).toBe(code);
  });

  it("no tool: the message names the package", async () => {
    await using server = await openServer(lan({ folder: "/nonexistent" }));
    const error = server.session.read(server.groups, never);
    expect(await codeOf(error)).toBe("E_PROGRAM_MISSING");
    await expect(error).rejects.toThrow(/install `ipmitool`/);
    await using other = await openServer(lan({ folder: "/nonexistent" }, { tool: "freeipmi" }));
    await expect(other.session.read(other.groups, never)).rejects.toThrow(/`freeipmi-tools`/);
  });

  it("a tool that hangs is a controller that does not answer", async () => {
    await using tools = await startTools(smallServer);
    await using server = await openServer(lan(tools, { timeout: "300ms" }));
    tools.hang();
    expect(await codeOf(server.session.read(server.groups, never))).toBe("E_DEVICE_TIMEOUT");
    expect(tools.asked()).toHaveLength(1);
  });

  it("a part that hangs after another was read is a fault beside it", async () => {
    await using tools = await startTools({ ...smallServer, "sensors.err": noSession });
    await using server = await openServer(lan(tools));
    for (let time = 0; time < 2; time += 1) {
      const { points, faults } = await server.session.read(server.groups, never);
      expect(points).toHaveLength(1);
      expect(faults).toEqual([{ code: "E_DEVICE_TIMEOUT", at: "sensors" }]);
    }
  });

  it("a list that could not be had whole is not kept", async () => {
    await using tools = await startTools({ ...smallServer, "list.err": "Unable to open SDR\n" });
    await using server = await openServer(lan(tools, { parts: ["sensors"] }));
    expect(await codeOf(server.session.read(server.groups, never))).toBe("E_PROGRAM");
    tools.play(smallServer);
    expect((await server.session.read(server.groups, never)).points).toHaveLength(2);
  });
});
