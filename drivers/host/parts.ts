/** The parts of a session, by name; what several of them look at is looked for once. */
import type { Clock } from "../../telemetry/index.ts";
import type { RunProgram } from "../transport/program.ts";
import { Blocks } from "./blocks.ts";
import { CoresPart } from "./cores.ts";
import { DisksPart } from "./disks.ts";
import { ElectricalPart } from "./electrical.ts";
import type { EnergyCounters } from "./energy.ts";
import { FansPart } from "./fans.ts";
import type { HostFiles } from "./files.ts";
import { FilesystemsPart } from "./filesystems.ts";
import { Hwmon } from "./hwmon.ts";
import { LoadPart } from "./load.ts";
import { NetworkPart } from "./network.ts";
import type { HostOptions, PartName } from "./options.ts";
import { PowerPart } from "./power.ts";
import type { Row } from "./row.ts";
import { SmartPart } from "./smart.ts";
import { ThermalPart } from "./thermal.ts";

export interface Part {
  /** Looks what there is. */
  scan?(): Promise<void>;
  read(signal: AbortSignal): Promise<Row[]>;
}

export interface PartsWorld {
  readonly clock: Clock;
  readonly files: HostFiles;
  readonly energy: EnergyCounters;
  readonly run: RunProgram;
}

export class Parts {
  readonly #byName: ReadonlyMap<string, Part>;
  readonly #hwmon: Hwmon;
  readonly #blocks: Blocks;
  readonly #wantsHwmon: boolean;
  readonly #wantsBlocks: boolean;

  constructor(options: HostOptions, { clock, files, energy, run }: PartsWorld) {
    const { parts, interfaces, mounts, diskNames, smartctl } = options;
    const hwmon = new Hwmon(files);
    const blocks = new Blocks(files, diskNames);
    const make: Record<PartName, () => Part> = {
      load: () => new LoadPart(files, clock),
      thermal: () => new ThermalPart(files, hwmon),
      power: () => new PowerPart(files, energy),
      fans: () => new FansPart(files, hwmon),
      electrical: () => new ElectricalPart(files, hwmon, energy),
      network: () => new NetworkPart(files, interfaces),
      disks: () => new DisksPart(files, blocks, clock),
      filesystems: () => new FilesystemsPart(files, clock, mounts),
      cores: () => new CoresPart(files),
      smart: () => new SmartPart({ files, blocks, clock, run, smartctl }),
    };
    this.#byName = new Map(parts.map((name) => [name, make[name]()]));
    this.#hwmon = hwmon;
    this.#blocks = blocks;
    this.#wantsHwmon = ["thermal", "fans", "electrical"].some((name) => this.#byName.has(name));
    this.#wantsBlocks = ["disks", "smart"].some((name) => this.#byName.has(name));
  }

  /** Looks what there is, first for what several parts share. */
  async scan(): Promise<void> {
    if (this.#wantsHwmon) await this.#hwmon.scan();
    if (this.#wantsBlocks) await this.#blocks.scan();
    for (const part of this.#byName.values()) await part.scan?.();
  }

  /** Those of some names, in the order of the configuration. */
  of(names: readonly string[]): Part[] {
    return [...this.#byName].flatMap(([name, part]) => (names.includes(name) ? [part] : []));
  }
}
