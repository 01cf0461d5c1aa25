/**
 * The disks of the machine (/sys/block): whole ones with a device behind them, so neither
 * partitions nor what is made of disks (device mapper, RAID, loops), whose traffic the disks show.
 *
 * `sda` is another disk after a reboot when disks are found in another order, so a disk is called
 * by its world wide name, which stands on its label (`naa-5000c500a1b2c3d4`), by its serial number
 * where it has none, and by the kernel's name where it has neither.
 *
 * Limit: `maxDisks`; what is beyond is a fault, once.
 */
import type { HostFiles } from "./files.ts";
import { safeName, uniqueNames } from "./files.ts";

const maxDisks = 256;
const folder = "/sys/block";

/**
 * Drives for media; the areas of a flash chip from which a machine boots; one of several ways to an
 * NVMe disk, which is there as a whole too (`nvme0c1n1`).
 */
const notDisks = /^(sr|fd)\d|boot\d+$|^nvme\d+c\d+n\d+$/;

export interface BlockDisk {
  /** The kernel's name: `sda`, `nvme0n1`. */
  readonly kernel: string;
  /** Value of the tag `disk`. */
  readonly name: string;
}

/** The disks of a session; several parts read them. */
export class Blocks {
  readonly #files: HostFiles;
  readonly #byKernel: boolean;
  #disks: readonly BlockDisk[] = [];

  constructor(files: HostFiles, names: "wwn" | "kernel") {
    this.#files = files;
    this.#byKernel = names === "kernel";
  }

  get disks(): readonly BlockDisk[] {
    return this.#disks;
  }

  /** Looks which there are. */
  async scan(): Promise<void> {
    const unique = uniqueNames();
    const disks: BlockDisk[] = [];
    for (const kernel of await this.#files.list(folder)) {
      if (notDisks.test(kernel) || !/^[a-z0-9_-]{1,32}$/.test(kernel)) continue;
      if ((await this.#files.link(`${folder}/${kernel}/device`)) === undefined) continue;
      disks.push({ kernel, name: unique(await this.#name(kernel)) });
    }
    if (disks.length > maxDisks) this.#files.trouble(`${folder} beyond ${maxDisks} disks`);
    this.#disks = disks.slice(0, maxDisks);
  }

  async #name(kernel: string): Promise<string> {
    if (this.#byKernel) return kernel;
    for (const file of ["wwid", "device/wwid"]) {
      const name = await this.#files.read(`${folder}/${kernel}/${file}`, nameOrNothing);
      if (name !== undefined && name.value !== "" && name.value.length <= 60) return name.value;
    }
    for (const file of ["device/serial", "serial"]) {
      const serial = await this.#files.read(`${folder}/${kernel}/${file}`, nameOrNothing);
      const kind = /^(nvme|mmcblk|sd|hd|vd|xvd)/.exec(kernel)?.[0] ?? "disk";
      if (serial !== undefined && serial.value !== "") {
        return `${kind}-${serial.value}`.slice(0, 60);
      }
    }
    return kernel;
  }
}

/** An empty or endless name is none, and no fault. */
function nameOrNothing(text: string): string {
  return safeName(text)?.replaceAll(/^-+|-+$/g, "") ?? "";
}
