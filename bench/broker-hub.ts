/** Our side of `bench/broker.ts`, a process of its own: a hub that stores nothing. */
import { randomBytes } from "node:crypto";
import { startHub } from "../broker/hub.ts";
import { brokerOptions } from "../broker/options.ts";
import { v } from "../config/index.ts";
import type { Platform } from "../telemetry/index.ts";

const ignore = (): void => undefined;
const platform: Platform = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  },
  entropy: { id: () => randomBytes(8).toString("hex"), random: Math.random },
  log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
};

const options = v.parse(brokerOptions, { listen: ["mqtt://127.0.0.1:0"] });
const hub = await startHub(options, platform, {
  site: { region: "local", org: "main", site: "bench" },
  message: ignore,
  room: () => undefined,
});
const [address = ""] = hub.addresses;
console.log(address.split(":").at(-1));
