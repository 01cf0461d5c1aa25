/** Options of roll-ups: which windows, how long a window rests, what is left out. */
import type { Schema } from "../../config/index.ts";
import { duration, option, v } from "../../config/index.ts";
import type { RollupWindow } from "../../telemetry/index.ts";
import { measurementEntry, rollupNames } from "../../telemetry/index.ts";

export interface RollupOptions {
  /** None: no roll-ups are made. */
  readonly windows: readonly RollupWindow[];
  /** @unit ms */
  readonly settle: number;
  readonly except: readonly string[];
}

const measurement = v.pipe(
  v.string(),
  v.check((name) => measurementEntry(name) !== undefined, "is no measurement of the register"),
);

export const rollupOptions: Schema<RollupOptions> = v.strictObject({
  windows: v.optional(
    option(v.array(v.picklist(rollupNames)), {
      about: "Lengths of windows; an empty list turns roll-ups off.",
    }),
    [...rollupNames],
  ),
  settle: v.optional(
    option(duration, {
      about: "How long a window that is over waits for late rows before it is rolled up.",
      example: "10s",
    }),
    "10s",
  ),
  except: v.optional(
    option(v.array(measurement), {
      about: "Measurements that are not rolled up.",
    }),
    ["device_event", "alert_event", "capacity", "kpi"],
  ),
});
