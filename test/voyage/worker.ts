/** One thread of a fleet: sails the seeds that it is sent and sends their results back. */
import { parentPort } from "node:worker_threads";
import { sail } from "./voyage.ts";

const port = parentPort;
port?.on("message", (seeds: readonly number[]) => {
  void sailAll(seeds);
});

async function sailAll(seeds: readonly number[]): Promise<void> {
  for (const seed of seeds) port?.postMessage(await sail(seed));
  port?.postMessage("done");
}
