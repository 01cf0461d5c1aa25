/**
 * Facades: other shapes of the same batches for whoever does not speak ours (Sparkplug B, Home
 * Assistant). A facade is shown what the agent has made durable and how its devices are; nothing
 * comes back from it. It is never a way to the store, and its troubles stay its own: what it
 * throws is logged once and counted.
 */
import type { DeviceAddress, Log, UnnumberedBatch } from "../telemetry/index.ts";
import { messageOf } from "../telemetry/index.ts";
import type { LinkState } from "./devices.ts";
import type { Spooled } from "./spooled.ts";

export interface Facade extends AsyncDisposable {
  readonly name: string;
  /** The newest batch of a device, or of the agent itself, and how it went into the spool. */
  batch(batch: UnnumberedBatch, spooled: Spooled): void;
  /** A device answers, or does no more. @param reason code of the fault, or `none` */
  turned(address: DeviceAddress, state: LinkState, reason: string): void;
}

export class Facades {
  readonly #facades: readonly Facade[];
  readonly #log: Log;
  readonly #failed = new Map<string, number>();

  constructor(facades: readonly Facade[], log: Log) {
    this.#facades = facades;
    this.#log = log;
  }

  batch(batch: UnnumberedBatch, spooled: Spooled): void {
    if (batch.kind !== "telemetry") return;
    this.#each((facade) => facade.batch(batch, spooled));
  }

  turned(address: DeviceAddress, state: LinkState, reason: string): void {
    this.#each((facade) => facade.turned(address, state, reason));
  }

  /** How often a facade has thrown. */
  failed(name: string): number {
    return this.#failed.get(name) ?? 0;
  }

  #each(show: (facade: Facade) => void): void {
    for (const facade of this.#facades) {
      try {
        show(facade);
      } catch (error) {
        const failed = this.failed(facade.name) + 1;
        this.#failed.set(facade.name, failed);
        const fields = { code: "E_BUG", facade: facade.name, why: messageOf(error) };
        if (failed === 1) this.#log.error("facade failed", fields);
      }
    }
  }
}
