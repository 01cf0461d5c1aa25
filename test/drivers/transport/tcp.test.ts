/**
 * The TCP door: error codes, giving up, the end of a connection.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { connectTcp } from "../../../drivers/transport/tcp.ts";
import { freePort, portOf } from "../../ports.ts";
import { codeOf, never } from "../modbus/world.ts";

const host = "127.0.0.1";

describe("a TCP connection", () => {
  it("refused is E_CONNECT", async () => {
    expect(await codeOf(connectTcp({ host, port: await freePort() }, never))).toBe("E_CONNECT");
  });

  it("given up is E_CONNECT, at once", async () => {
    expect(await codeOf(connectTcp({ host, port: 1 }, AbortSignal.abort()))).toBe("E_CONNECT");
    const server = createServer().listen(0, host);
    await once(server, "listening");
    const abort = new AbortController();
    const attempt = connectTcp({ host, port: portOf(server.address()) }, abort.signal);
    abort.abort();
    await expect(attempt).rejects.toThrow("given up");
    server.close();
    await once(server, "close");
  });

  it("ended by the other side says E_DISCONNECTED once; closed by us says nothing", async () => {
    const server = createServer((socket) => {
      socket.on("data", () => socket.end());
      socket.on("error", () => {});
    }).listen(0, host);
    await once(server, "listening");
    const port = portOf(server.address());
    const reasons: string[] = [];
    const channel = await connectTcp({ host, port }, never);
    channel.onData(() => {});
    channel.onClose((reason) => reasons.push(reason.code));
    channel.write(Uint8Array.of(1));
    await vi.waitFor(() => expect(reasons).toEqual(["E_DISCONNECTED"]));
    channel.write(Uint8Array.of(1));
    channel.discardInput();

    const second = await connectTcp({ host, port }, never);
    second.onClose((reason) => reasons.push(reason.code));
    await second.close();
    await second.close();
    server.close();
    await once(server, "close");
    expect(reasons).toHaveLength(1);
  });
});
