/**
 * A hub that stores nothing, a process of its own. Argument: its `broker` section, as JSON, or the
 * path of a file with it. Prints its port.
 */
import { readFileSync } from "node:fs";
import { startHub } from "../broker/hub.ts";
import { brokerOptions } from "../broker/options.ts";
import { clock, entropy, letYoungGenerationGrow } from "../cli/platform.ts";
import { v } from "../config/index.ts";

const ignore = (): void => undefined;

async function main(): Promise<void> {
  letYoungGenerationGrow();
  const [, , text = "{}"] = process.argv;
  const given: unknown = JSON.parse(text.startsWith("{") ? text : readFileSync(text, "utf8"));
  const section = typeof given === "object" && given !== null ? given : {};
  const options = v.parse(brokerOptions, { listen: ["mqtt://127.0.0.1:0"], ...section });
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const site = { region: "local", org: "main", site: "bench" };
  const hooks = { site, message: ignore, room: () => undefined };
  const hub = await startHub(options, { clock, entropy, log }, hooks);
  const [address = ""] = hub.addresses;
  console.log(address.split(":").at(-1));
}

void main();
