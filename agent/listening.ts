/**
 * Listens to devices that speak by themselves. When the way to one breaks, it is tried again, later
 * each time, until it was heard: what ends as soon as it begins must not spin.
 */
import type { Platform } from "../telemetry/index.ts";
import { retryDelay, sleep } from "../telemetry/index.ts";
import type { PolledDevice, PollEvents } from "./poller.ts";

/** A lost device is listened for again after this at first, and at least this often. @unit ms */
const patience = { first: 1000, longest: 60_000 };

/** Runs until `signal` aborts; for a device without `listen` there is nothing to do. */
export async function keepListening(
  device: PolledDevice,
  events: PollEvents,
  { platform, signal }: { readonly platform: Platform; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, entropy } = platform;
  let failures = 0;
  while (!signal.aborted) {
    try {
      await device.session.listen?.((heard) => {
        failures = 0;
        events.heard(device, heard);
      }, signal);
    } catch (error) {
      if (signal.aborted) return;
      events.failed(device, error);
    }
    failures += 1;
    await sleep(clock, retryDelay(patience, failures, entropy), signal);
  }
}
