/** An adapter that is unplugged and comes back under the same name. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import {
  busDefaults,
  codeOf,
  honest,
  never,
  oneRegister,
  openDevice,
  startSerialPeer,
} from "../../drivers/modbus/world.ts";
import { needs } from "../../peers.ts";

describe.skipIf(!needs("socat", "socat"))("an unplugged adapter", () => {
  it("fails the reads and nothing else; plugged in again it serves the same session", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-replug-"));
    const bus = { ...busDefaults, port: join(folder, "ours") };
    await using other = await startSerialPeer();
    await using elsewhere = await openDevice({ bus: "line" }, oneRegister, {
      line: { ...busDefaults, port: other.address },
    });
    await using device = await openDevice({ bus: "line", timeout: "200ms" }, oneRegister, {
      line: bus,
    });
    const read = () => device.session.read(["default"], never);
    for (let turn = 0; turn < 3; turn += 1) {
      const peer = await startSerialPeer(honest, folder);
      expect((await vi.waitFor(read)).points).toHaveLength(1);
      await peer[Symbol.asyncDispose]();
      await vi.waitFor(async () => expect(await codeOf(read())).toBe("E_SERIAL_MISSING"));
      expect((await elsewhere.session.read(["default"], never)).points).toHaveLength(1);
    }
    await rm(folder, { recursive: true });
  });

  it("unplugged while an answer is awaited, it fails at once", async () => {
    await using peer = await startSerialPeer((_request, link) => link.hangUp());
    const line = { ...busDefaults, port: peer.address };
    await using device = await openDevice({ bus: "line", timeout: "1h" }, oneRegister, { line });
    const code = codeOf(device.session.read(["default"], never));
    await vi.waitFor(() => expect(peer.requests).toHaveLength(1));
    await peer[Symbol.asyncDispose]();
    expect(await code).toBe("E_DISCONNECTED");
  });
});
