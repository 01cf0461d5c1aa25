/** What the cards of NVIDIA may be given in the configuration, beside the keys of every device. */
import type { Schema } from "../../config/index.ts";
import { atLeast, option, text, v } from "../../config/index.ts";

export const nvidiaOptions = {
  program: v.optional(
    option(text, {
      about: "The maker's tool: a name in PATH, or a path.",
      example: "/usr/bin/nvidia-smi",
    }),
    "nvidia-smi",
  ),
  tag: v.optional(
    option(v.picklist(["index", "uuid"]), {
      about: "What the tag `gpu` holds; an index may change at a boot, a uuid never.",
      example: "uuid",
    }),
    "index",
  ),
  sample: v.optional(
    option(atLeast("20ms"), {
      about: "How often the running nvidia-smi looks at the cards.",
      example: "500ms",
    }),
    "1s",
  ),
  details: v.optional(
    option(atLeast("1s"), {
      about: "How often what only the XML output has is read: MIG, voltage, PCIe.",
      example: "5m",
    }),
    "1m",
  ),
  links: v.optional(
    option(atLeast("1s"), { about: "How often NVLink is read.", example: "10s" }),
    "1m",
  ),
  energy: v.optional(
    option(v.picklist(["integrated", "none"]), {
      about:
        "nvidia-smi has no energy counter: integrated adds up the power as estimated_wh_total.",
      example: "none",
    }),
    "integrated",
  ),
  kernelLog: v.optional(
    option(text, {
      about: "Where the kernel's log is read for errors of the driver (XID); left out: nowhere.",
      example: "/dev/kmsg",
    }),
  ),
  timeout: v.optional(
    option(atLeast("1s"), { about: "Longest wait for the tool to print.", example: "30s" }),
    "20s",
  ),
};

export interface NvidiaOptions {
  readonly program: string;
  readonly tag: "index" | "uuid";
  /** @unit ms */
  readonly sample: number;
  /** @unit ms */
  readonly details: number;
  /** @unit ms */
  readonly links: number;
  readonly energy: "integrated" | "none";
  readonly kernelLog?: string | undefined;
  /** @unit ms */
  readonly timeout: number;
}

export const nvidiaOptionsSchema: Schema<NvidiaOptions> = v.object(nvidiaOptions);
