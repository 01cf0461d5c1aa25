/** The whole agent as a process, its facades on a real mosquitto: killed, and started again. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { expect, test, vi } from "vitest";
import { decodePayload } from "../../agent/sparkplug/payload.ts";
import { needs } from "../peers.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";
import { startMosquitto } from "./mosquittod.ts";

const present = needs("mosquitto", "mosquitto");

test.skipIf(!present)(
  "kill -9 is told by the broker, with the number of that birth",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-sparkplug-"));
    try {
      await using broker = await startMosquitto();
      const said: { readonly verb: string; readonly metrics: unknown }[] = [];
      const host = await connectAsync(broker.url);
      host.on("message", (topic, bytes) => {
        const decoded = decodePayload(bytes);
        const metrics = "ok" in decoded ? decoded.ok["metrics"] : undefined;
        said.push({ verb: topic.split("/")[2] ?? "", metrics });
      });
      await host.subscribeAsync("spBv1.0/#", { qos: 1 });
      const file = join(folder, "site.yaml");
      const lines = [
        "site: hall",
        "agent:",
        "  id: gw",
        "  interval: 200ms",
        `  data: ${join(folder, "agent")}`,
        `  uplink: { url: "${broker.url}" }`,
        `  sparkplug: { url: "${broker.url}" }`,
        "devices:",
        "  meter: { driver: sim }",
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      const heard = (verb: string, count: number): Promise<void> =>
        vi.waitFor(
          () => expect(said.filter((one) => one.verb === verb)).toHaveLength(count),
          30_000,
        );
      const bdSeq = (value: number) =>
        expect.arrayContaining([
          expect.objectContaining({ name: "bdSeq", long_value: BigInt(value) }),
        ]);
      const last = (verb: string): unknown => said.findLast((one) => one.verb === verb)?.metrics;
      for (const life of [0, 1]) {
        await using agent = startRackstreet(["agent", file]);
        await heard("DBIRTH", life + 1);
        expect(last("NBIRTH")).toEqual(bdSeq(life));
        await agent.end("SIGKILL");
        await heard("NDEATH", life + 1);
        expect(last("NDEATH")).toEqual(bdSeq(life));
      }
      await using agent = startRackstreet(["agent", file]);
      await heard("DBIRTH", 3);
      await agent.end("SIGTERM");
      await heard("NDEATH", 3);
      expect(last("NDEATH")).toEqual(bdSeq(2));
      await host.endAsync();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  120_000,
);

test.skipIf(!present)(
  "a facade whose broker is away holds nothing up; another's is told",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-facades-"));
    try {
      await using broker = await startMosquitto();
      const host = await connectAsync(broker.url);
      const heard = new Set<string>();
      host.on("message", (topic) => heard.add(topic));
      await host.subscribeAsync(["rackstreet/#", "homeassistant/#"], { qos: 1 });
      const file = join(folder, "site.yaml");
      const lines = [
        "site: hall",
        "agent:",
        `  data: ${join(folder, "agent")}`,
        `  uplink: { url: "${broker.url}" }`,
        `  sparkplug: { url: "mqtt://127.0.0.1:${await freePort()}" }`,
        `  homeAssistant: { url: "${broker.url}", telemetry: false }`,
        "devices:",
        "  meter: { driver: sim, interval: 200ms }",
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      await using agent = startRackstreet(["agent", file]);
      const wanted = [
        "rackstreet/v1/local/main/hall/power/meter/telemetry",
        "homeassistant/device/rackstreet_local_main_hall_meter/config",
      ];
      await vi.waitFor(() => expect([...heard]).toEqual(expect.arrayContaining(wanted)), 30_000);
      await agent.end("SIGTERM");
      expect(await agent.ended()).toBe(0);
      await host.endAsync();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  120_000,
);
