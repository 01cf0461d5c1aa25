/** A listening port: how many may call, how long they may keep silent, what nobody takes. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { expect, it, vi } from "vitest";
import type { Caller, ListenLimits } from "../../../drivers/transport/listen.ts";
import { listenTcp } from "../../../drivers/transport/listen.ts";
import { takePort } from "../../ports.ts";
import { codeOf } from "../modbus/world.ts";

const usual: ListenLimits = { connections: 10, idle: 60_000, unsent: 64 * 1024 };

async function rig(limits: Partial<ListenLimits> = {}) {
  const callers: Caller[] = [];
  const port = await listenTcp(
    { host: "127.0.0.1", port: 0 },
    { called: (caller) => callers.push(caller), broken: () => undefined },
    { ...usual, ...limits },
  );
  const sockets: Socket[] = [];
  return {
    callers,
    call() {
      const socket = connect(port.port, "127.0.0.1");
      socket.on("error", () => undefined);
      sockets.push(socket);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await port.close();
    },
  };
}

it("one more than may call is hung up, and the others are heard", async () => {
  await using port = await rig({ connections: 2 });
  const kept = [port.call(), port.call()];
  await vi.waitFor(() => expect(port.callers).toHaveLength(2), 10_000);
  await once(port.call(), "close");
  const heard: string[] = [];
  port.callers[1]?.channel.onData((bytes) => heard.push(Buffer.from(bytes).toString()));
  kept.forEach((socket) => socket.write("x"));
  await vi.waitFor(() => expect(heard).toEqual(["x"]), 10_000);
  expect(port.callers[0]?.from).toContain("127.0.0.1");
});

it("one that keeps silent is hung up", async () => {
  await using port = await rig({ idle: 50 });
  await once(port.call(), "close");
});

it("one that does not take its answers is hung up", async () => {
  await using port = await rig({ unsent: 1000 });
  const socket = port.call();
  socket.pause();
  await vi.waitFor(() => expect(port.callers).toHaveLength(1), 10_000);
  const closed = vi.fn();
  port.callers[0]?.channel.onClose(closed);
  const answers = Buffer.alloc(1024 * 1024);
  await vi.waitFor(() => {
    port.callers[0]?.channel.write(answers);
    expect(closed).toHaveBeenCalled();
  }, 20_000);
});

it("an address that is taken or nobody's says so", async () => {
  await using taken = await takePort();
  const events = { called: () => undefined, broken: () => undefined };
  const at = (host: string, port: number) => codeOf(listenTcp({ host, port }, events, usual));
  expect(await at("127.0.0.1", taken.port)).toBe("E_ADDRESS_IN_USE");
  expect(await at("192.0.2.1", 0)).toBe("E_ADDRESS_REFUSED");
});
