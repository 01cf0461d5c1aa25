/**
 * The serial door: error codes, sole use, bytes both ways, a line that goes away.
 */
import { spawn } from "node:child_process";
import { pbkdf2, pbkdf2Sync } from "node:crypto";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { v } from "../../../config/index.ts";
import { serialBusOptions } from "../../../drivers/transport/options.ts";
import { openFailure, openSerial } from "../../../drivers/transport/serial.ts";
import { needs } from "../../peers.ts";
import { busDefaults, codeOf } from "../modbus/world.ts";
import { startLine } from "../../line.ts";

const slowly = promisify(pbkdf2);

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

  const files = (
    group: number,
    names: readonly string[] = [],
    lasting: readonly string[] = [],
  ) => ({
    list: (folder: string) => (folder === "/dev" ? names : lasting),
    read: () => "root:x:0:\nuucp:x:10:\nplugdev:x:46:me\n",
    groupId: () => group,
  });

  it("names the group that owns it, or says that none does", () => {
    const denied = new Error("Error: Permission denied, cannot open /dev/x");
    const remedyFor = (group: number) => openFailure("/dev/x", denied, files(group)).message;
    expect(remedyFor(10)).toContain("run `sudo usermod -aG uucp $USER` and log in again");
    expect(remedyFor(46)).toContain("usermod -aG plugdev ");
    expect(remedyFor(99)).toContain("usermod -aG dialout ");
    expect(remedyFor(0)).toContain('GROUP="dialout"');
  });

  it("names the ports that there are, lasting names first", () => {
    const gone = new Error("Error: No such file or directory, cannot open /dev/x");
    const hint = (names: readonly string[], lasting: readonly string[] = []) =>
      openFailure("/dev/x", gone, files(0, names, lasting)).message;
    expect(hint(["tty", "ttyS0", "null"])).toContain("there is no serial adapter now");
    expect(hint(["ttyUSB1", "ttyACM0"], ["usb-FTDI-if00"])).toContain(
      "there are now: /dev/serial/by-id/usb-FTDI-if00, /dev/ttyACM0, /dev/ttyUSB1",
    );
    const many = Array.from({ length: 9 }, (_, index) => `ttyUSB${index}`);
    expect(hint(many)).toContain("/dev/ttyUSB5 and 3 more");
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

  it("that hangs up is noticed without a write", async () => {
    const line = await startLine();
    const channel = await openSerial({ ...busDefaults, port: line.ours });
    const closed = new Promise<string>((resolve) => {
      channel.onClose((reason) => resolve(reason.code));
    });
    channel.onData(() => {});
    await line[Symbol.asyncDispose]();
    expect(await closed).toBe("E_DISCONNECTED");
    await channel.close();
  });

  it("carries more than its buffers hold", async () => {
    await using line = await startLine();
    const ours = await openSerial({ ...busDefaults, port: line.ours });
    const theirs = await openSerial({ ...busDefaults, port: line.theirs });
    const sent = Uint8Array.from({ length: 60_000 }, (_, at) => at % 251);
    const heard: number[] = [];
    const whole = new Promise<void>((resolve) => {
      theirs.onData((bytes) => {
        for (const byte of bytes) heard.push(byte);
        if (heard.length >= sent.length) resolve();
      });
    });
    ours.write(sent);
    await whole;
    expect(Buffer.from(heard).equals(Buffer.from(sent))).toBe(true);
    await ours.close();
    await theirs.close();
  });

  it("what is answered after a discard is not discarded, however late that is done", async () => {
    await using line = await startLine();
    const channel = await openSerial({ ...busDefaults, port: line.ours });
    const echo = spawn("sh", ["-c", `exec cat <${line.theirs} >${line.theirs}`]);
    let heard = "";
    channel.onData((bytes) => (heard += Buffer.from(bytes).toString()));
    await vi.waitFor(() => {
      channel.write(Buffer.from("."));
      expect(heard).not.toBe("");
    });
    heard = "";
    // A discard is done by the thread pool, which has other things to do; so has this thread.
    const busy = Array.from({ length: 8 }, () => slowly("x", "salt", 200_000, 32, "sha256"));
    channel.discardInput();
    channel.write(Buffer.from("one"));
    channel.write(Buffer.from(" two"));
    pbkdf2Sync("x", "salt", 2_000_000, 32, "sha256");
    await vi.waitFor(() => expect(heard).toMatch(/one two$/), { timeout: 10_000 });
    await Promise.all(busy);
    echo.kill();
    await channel.close();
  });

  it("that goes away says so once", async () => {
    const line = await startLine();
    const channel = await openSerial({ ...busDefaults, port: line.ours });
    const reasons: string[] = [];
    channel.onData(() => {});
    channel.onClose((reason) => reasons.push(reason.code));
    await line[Symbol.asyncDispose]();
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
