/** A hub that stores nothing, a process of its own. Argument: its `broker` section, as JSON. */
import { startHub } from "../broker/hub.ts";
import { brokerOptions } from "../broker/options.ts";
import { clock, entropy } from "../cli/platform.ts";
import { v } from "../config/index.ts";

const ignore = (): void => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const given: unknown = JSON.parse(process.argv[2] ?? "{}");
const section = typeof given === "object" && given !== null ? given : {};
const options = v.parse(brokerOptions, { listen: ["mqtt://127.0.0.1:0"], ...section });
const site = { region: "local", org: "main", site: "bench" };
const hub = await startHub(
  options,
  { clock, entropy, log },
  {
    site,
    message: ignore,
    room: () => undefined,
  },
);
const [address = ""] = hub.addresses;
console.log(address.split(":").at(-1));
