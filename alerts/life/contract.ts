/** What the life of alerts is given, what it keeps, and what people can do to it. */
import type { DeviceAddress, Line } from "../../telemetry/index.ts";
import type { Step } from "../evaluate.ts";
import type { Group } from "../groups.ts";
import type { Remember } from "../outbox.ts";
import type { Act, AlertPick, Shelf } from "./acts.ts";
import type { AlarmWindow, Counted } from "./load.ts";
import type { TracerParts } from "./trace.ts";
import type { Wired } from "./wiring.ts";

export interface LifeParts extends TracerParts {
  readonly expected: readonly Wired[];
  readonly remember?: Remember | undefined;
}

/** What an earlier run left. */
export interface KeptLife {
  readonly shelves: readonly Shelf[];
  readonly load?: Counted | undefined;
}

/** The ways out. */
export interface Ways {
  /** Takes a step in the life of an alert. */
  advance(group: Group, next: Step): void;
  /** Takes a row for the store. */
  line(line: Line): void;
  /** Publishes a topic again. */
  tell(topic: string): void;
  /** Resolves when all that has happened is on disk, or the disk has refused. */
  kept(): Promise<void>;
}

/** What people can do to alerts, and see of it. */
export interface Acts {
  /**
   * Somebody looks after these until they resolve, of those that they `may`; how many there are.
   * @throws E_ALERT_ACT
   */
  acknowledge(
    pick: AlertPick & { readonly may?: (address: DeviceAddress) => boolean },
    act: Act,
  ): Promise<number>;
  /**
   * Nobody is told of these for so long, in ms, 30 days at most.
   * @throws E_ALERT_ACT
   */
  shelve(pick: AlertPick, act: Act & { readonly length: number }): Promise<Shelf>;
  /** Ends the shelf of just these. @throws E_ALERT_ACT */
  unshelve(pick: AlertPick, act: Act): Promise<Shelf>;
  readonly shelves: readonly Shelf[];
  readonly load: { readonly now: Counted; readonly last: AlarmWindow | undefined };
}
