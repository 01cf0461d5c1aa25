/** The link over a real socket. */
import { Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { agentOptions, openUplink } from "../../agent/index.ts";
import { v } from "../../config/index.ts";
import { realPlatform } from "../broker/platform.ts";
import { running } from "../broker/running.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("no message waits for the acknowledgement of the one before", async () => {
  await using hub = await running();
  const noDelay = vi.spyOn(Socket.prototype, "setNoDelay");
  const up = Promise.withResolvers<void>();
  await using link = openUplink(
    {
      url: { scheme: "mqtt", host: "127.0.0.1", port: hub.port },
      clientId: "edge",
      subscribe: [],
    },
    v.parse(agentOptions, {}).uplink,
    {
      events: { up: () => up.resolve(), down: () => undefined, message: () => undefined },
      platform: realPlatform,
    },
  );
  await up.promise;
  await link.publish({ topic: "rackstreet/v1/a/b/c/d/e/event", payload: "{}", retain: false });
  expect(noDelay).toHaveBeenCalledWith(true);
});
