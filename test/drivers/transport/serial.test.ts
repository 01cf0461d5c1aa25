/**
 * The serial door: error codes, sole use, bytes both ways, a line that goes away.
 */
import { describe, expect, it, vi } from "vitest";
import { v } from "../../../config/index.ts";
import { serialBusOptions } from "../../../drivers/transport/options.ts";
import { openFailure, openSerial } from "../../../drivers/transport/serial.ts";
import { needs } from "../../peers.ts";
import { busDefaults, codeOf, startLine } from "../modbus/world.ts";

describe("a port that does not open", () => {
  it.each([
    ["Error: No such file or directory, cannot open /dev/x", "E_SERIAL_MISSING", "by-id"],
    ["Error: Permission denied, cannot open /dev/x", "E_SERIAL_PERMISSION", "dialout"],
    ["Error Resource temporarily unavailable Cannot lock port", "E_SERIAL_BUSY", "fuser"],
    ["Error: Device or resource busy, cannot open /dev/x", "E_SERIAL_BUSY", "fuser"],
    ["Error: Input/output error setting attributes", "E_SERIAL", "Input/output"],
  ])("%s is %s", (message, code, hint) => {
    const failure = openFailure("/dev/x", new Error(message));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain("/dev/x: ");
    expect(failure.message).toContain(hint);
  });

  it("is not there", async () => {
    const open = openSerial({ ...busDefaults, port: "/dev/rackstreet-is-not-there" });
    expect(await codeOf(open)).toBe("E_SERIAL_MISSING");
  });
});

describe.skipIf(!needs("socat", "socat"))("a serial port", () => {
  it("belongs to one program", async () => {
    await using line = await startLine();
    const port = { ...busDefaults, port: line.ours };
    const channel = await openSerial(port);
    expect(await codeOf(openSerial(port))).toBe("E_SERIAL_BUSY");
    await channel.close();
    const again = await openSerial(port);
    await again.close();
    await again.close();
  });

  it("that makes no break, as a pseudo terminal, says so", async () => {
    await using line = await startLine();
    const channel = await openSerial({ ...busDefaults, port: line.ours });
    await expect(channel.setBreak?.(true)).rejects.toMatchObject({ code: "E_SERIAL" });
    await channel.close();
  });

  it("carries bytes both ways while the event loop is idle", async () => {
    await using line = await startLine();
    const ours = await openSerial({ ...busDefaults, port: line.ours });
    const theirs = await openSerial({ ...busDefaults, port: line.theirs });
    // Since Node 26.4 serialport's poller stalls until something else happens: nothing does here.
    const stalled = Promise.withResolvers<string>();
    const timer = setTimeout(() => stalled.resolve("stalled"), 5000);
    const echoed = new Promise<string>((resolve) => {
      ours.onData((bytes) => resolve(Buffer.from(bytes).toString()));
    });
    theirs.onData((bytes) => theirs.write(bytes));
    ours.write(Buffer.from("x"));
    expect(await Promise.race([echoed, stalled.promise])).toBe("x");
    clearTimeout(timer);
    await ours.close();
    await theirs.close();
  });

  it("that goes away says so once", async () => {
    const line = await startLine();
    const channel = await openSerial({ ...busDefaults, port: line.ours });
    const reasons: string[] = [];
    channel.onData(() => {});
    channel.onClose((reason) => reasons.push(reason.code));
    await line[Symbol.asyncDispose]();
    // A hang-up between two reads of serialport shows at the next write only.
    await vi.waitFor(() => {
      channel.write(Uint8Array.of(1));
      expect(reasons).toEqual(["E_DISCONNECTED"]);
    });
    channel.discardInput();
    await channel.close();
    expect(reasons).toEqual(["E_DISCONNECTED"]);
  });
});

describe("a bus in the configuration", () => {
  it("needs no more than its port", () => {
    expect(v.parse(serialBusOptions, { port: "/dev/ttyUSB0" })).toEqual({
      port: "/dev/ttyUSB0",
      baud: 9600,
      parity: "none",
      dataBits: 8,
      stopBits: 1,
    });
  });

  it.each([
    { port: "" },
    { baud: 9600 },
    { port: "/dev/x", parity: "mark" },
    { port: "/dev/x", speed: 1 },
  ])("refuses %j", (bus) => expect(v.safeParse(serialBusOptions, bus).success).toBe(false));
});
