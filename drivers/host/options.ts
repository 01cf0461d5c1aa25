/** What the machine's own device may be given in the configuration. */
import type { Schema } from "../../config/index.ts";
import { atLeast, option, text, v } from "../../config/index.ts";

export const partNames = [
  "load",
  "thermal",
  "power",
  "fans",
  "electrical",
  "network",
  "disks",
  "filesystems",
  "cores",
  "smart",
] as const;
export type PartName = (typeof partNames)[number];

/** Left out: a row a core is much for few, and smartctl is a program that wants root. */
const unasked: readonly PartName[] = ["cores", "smart"];
const usual = partNames.filter((name) => !unasked.includes(name));

export const hostOptions = {
  parts: option(v.optional(v.pipe(v.array(v.picklist(partNames)), v.minLength(1)), usual), {
    about: `What to read of this machine: ${partNames.join(", ")}.`,
  }),
  root: option(v.optional(text, "/"), {
    about: "Folder that holds proc and sys; another than / inside a container.",
    example: "/host",
  }),
  interfaces: option(v.optional(v.picklist(["physical", "all"]), "physical"), {
    about: "Network interfaces: those with hardware behind them, or bridges, VLANs and loops too.",
    example: "all",
  }),
  mounts: option(v.optional(v.picklist(["local", "all"]), "local"), {
    about: "File systems: those on disks of this machine, or those of memory and networks too.",
    example: "all",
  }),
  diskNames: option(v.optional(v.picklist(["wwn", "kernel"]), "wwn"), {
    about: "Disks by world wide name or serial number, which last, or by the kernel's name (sda).",
    example: "kernel",
  }),
  smartctl: option(v.optional(text, "smartctl"), {
    about: "The program for the part smart (package smartmontools).",
    example: "/usr/sbin/smartctl",
  }),
  smartEvery: option(v.optional(atLeast("10s"), "5m"), {
    about: "How often disks are asked for their health.",
    example: "30m",
  }),
};

export interface HostOptions {
  readonly parts: readonly PartName[];
  readonly root: string;
  readonly interfaces: "physical" | "all";
  readonly mounts: "local" | "all";
  readonly diskNames: "wwn" | "kernel";
  readonly smartctl: string;
  /** @unit ms */
  readonly smartEvery: number;
}

export const hostOptionsSchema: Schema<HostOptions> = v.strictObject(hostOptions);
