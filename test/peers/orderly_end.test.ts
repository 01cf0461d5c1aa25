/** An agent that is told to end, as a subscriber at somebody else's broker sees it. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { needs } from "../peers.ts";
import { startRackstreet } from "../rackstreet.ts";
import { startMosquitto } from "./mosquittod.ts";

const run = promisify(execFile);
const present = needs("mosquitto", "mosquitto") && needs("mosquitto_sub", "mosquitto-clients");

describe.skipIf(!present)("an agent's end", () => {
  it.each([
    ["SIGTERM", "none"],
    ["SIGKILL", "E_UPLINK"],
  ] as const)(
    "by %s is told with the reason %s",
    async (signal, reason) => {
      await using broker = await startMosquitto();
      const folder = await mkdtemp(join(tmpdir(), "rackstreet-end-"));
      try {
        const file = join(folder, "agent.yaml");
        await writeFile(
          file,
          `agent: { data: ${folder}/agent, uplink: { url: "${broker.url}" } }
devices: { machine: { driver: host, parts: [load] } }
`,
        );
        const agent = startRackstreet(["agent", file, "--json"]);
        await agent.logged("uplink connected");
        await agent.end(signal);
        const topic = "rackstreet/v1/local/main/site/agent/agent/state";
        const args = ["-p", new URL(broker.url).port, "-t", topic, "-C", "1", "-W", "10"];
        const { stdout } = await run("mosquitto_sub", args);
        expect(JSON.parse(stdout)).toMatchObject({ state: "offline", reason });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    60_000,
  );
});
