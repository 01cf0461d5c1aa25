/**
 * The NVIDIA cards of one machine: what its nvidia-smi tells, as rows. Cards are known by their
 * uuid once they were seen: one that is missing later is a fault of its own and a row that says so.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { CardRow, CardSheet } from "../cards.ts";
import { health, saidIn } from "../cards.ts";
import { CardEnergy } from "../cards-energy.ts";
import type { CardPart } from "../cards-session.ts";
import type { Memory } from "../contract.ts";
import type { RunProgram } from "../transport/program.ts";
import type { Cells } from "./columns.ts";
import { powerOf, readCells } from "./columns.ts";
import { instancesOf, readDetails } from "./details.ts";
import { KernelLog } from "./kernel-log.ts";
import type { Link } from "./nvlink.ts";
import { Links } from "./nvlink.ts";
import type { NvidiaOptions } from "./options.ts";
import type { LostCard, Round } from "./rounds.ts";
import type { SeenCard } from "./sampler.ts";
import { isCard, Sampler, toolPackage } from "./sampler.ts";
import { streamOpener } from "./stream.ts";
import type { Element } from "./xml.ts";
import { cardsIn, parseElements, textAt } from "./xml.ts";

/** Cards remembered: more than a machine has. */
const maxCards = 64;

export interface MachineParts {
  readonly options: NvidiaOptions;
  readonly clock: Clock;
  readonly run: RunProgram;
  readonly memory: Memory | undefined;
}

export class Machine {
  readonly #options: NvidiaOptions;
  readonly #run: RunProgram;
  readonly #sampler: Sampler;
  readonly #energy: CardEnergy;
  readonly #log: KernelLog | undefined;
  /** By uuid. */
  readonly #seen = new Map<string, SeenCard>();
  /** Rounds heard, and in which a card was last, by uuid: one may lack a card that came late. */
  #rounds = 0;
  readonly #last = new Map<string, number>();

  constructor({ options, clock, run, memory }: MachineParts) {
    const { program, sample, timeout, kernelLog } = options;
    this.#options = options;
    this.#run = run;
    this.#energy = new CardEnergy(memory);
    this.#log = kernelLog === undefined ? undefined : new KernelLog(kernelLog);
    this.#sampler = new Sampler({
      program,
      sample,
      timeout,
      clock,
      run,
      open: streamOpener(clock),
      heard: (round, at) => this.#hear(round, at),
      cards: () => [...this.#seen.values()],
    });
  }

  /** The parts of a session, the quick one first: the others add to its rows. */
  get parts(): readonly CardPart[] {
    const { details, links } = this.#options;
    return [
      {
        group: { name: "cards", every: undefined },
        read: (sheet, signal) => this.#readCards(sheet, signal),
      },
      {
        group: { name: "details", every: details },
        read: (sheet, signal) => this.#readDetails(sheet, signal),
      },
      {
        group: { name: "links", every: links },
        read: (sheet, signal) => this.#readLinks(sheet, signal),
      },
    ];
  }

  async close(): Promise<void> {
    await this.#sampler.close();
    await this.#log?.close();
  }

  /** Power is added up over every round, so that few polls cost no accuracy. */
  #hear({ cards }: Round, at: number): void {
    this.#rounds += 1;
    for (const cells of cards) {
      const { uuid } = seenIn(cells);
      if (this.#last.size < maxCards || this.#last.has(uuid)) this.#last.set(uuid, this.#rounds);
    }
    if (this.#options.energy === "none") return;
    const longestGap = Math.max(3 * this.#options.sample, 3000);
    for (const cells of cards) {
      const power = powerOf(cells);
      const uuid = cells.get("uuid") ?? "";
      if (power !== undefined && uuid !== "") {
        this.#energy.added(uuid, power.watts, { at, longestGap });
      }
    }
  }

  async #readCards(sheet: CardSheet, signal: AbortSignal): Promise<void> {
    const { cards, lost, broken } = await this.#sampler.next(signal);
    if (cards.length === 0 && this.#seen.size === 0) {
      const why = lost.map(({ card, why }) => `${card}: ${why}`).join("; ");
      throw programFailed(`${this.#options.program} can read no card: ${why}`);
    }
    await this.#log?.read().catch((error: unknown) => {
      sheet.faults.push({ code: "E_PROGRAM", at: saidIn(String(error)) });
    });
    const present = new Set<string>();
    for (const cells of cards) {
      const card = seenIn(cells);
      present.add(card.uuid);
      if (this.#seen.size < maxCards || this.#seen.has(card.uuid)) this.#seen.set(card.uuid, card);
      this.#readCard(cells, card, sheet);
    }
    for (const { place, xid } of this.#log?.takeNews() ?? []) {
      const card = [...this.#seen.values()].find(({ bus }) => KernelLog.isAt(place, bus));
      sheet.news.push(`gpu ${card === undefined ? place : this.#tagOf(card)}: XID ${xid}`);
    }
    if (broken > 0) {
      sheet.faults.push({ code: "E_DEVICE_FRAME", at: `${broken} rows with too few columns` });
    }
    // A card whose row is broken is not gone.
    if (broken === 0) this.#tellMissing(sheet, present, lost);
    this.#energy.keep();
  }

  #readCard(cells: Cells, card: SeenCard, sheet: CardSheet): void {
    const row = sheet.row("accelerator", ["gpu", this.#tagOf(card)]);
    const trouble = readCells(cells, row);
    addXid(row, this.#log?.newest(card.bus), card);
    const power = powerOf(cells);
    if (this.#options.energy === "integrated" && power !== undefined) {
      row.add("estimated_wh_total", this.#energy.sum(card.uuid, power.at));
    }
    blame(sheet, this.#tagOf(card), trouble);
  }

  /** A card that was here and is no longer. */
  #tellMissing(sheet: CardSheet, present: ReadonlySet<string>, lost: readonly LostCard[]): void {
    for (const [uuid, card] of this.#seen) {
      if (present.has(uuid)) continue;
      const tag = this.#tagOf(card);
      const said = lost.find(({ card: name }) => isCard(card, name))?.why;
      const taken = sheet.card(tag) !== undefined;
      const late = this.#rounds - (this.#last.get(uuid) ?? 0) < 2;
      if (late && said === undefined && !taken) continue;
      const why = said ?? (taken ? "another card has its number now" : "is no longer listed");
      const at = `gpu ${tag} (${card.bus}): ${why}`;
      sheet.faults.push({ code: "E_DEVICE_REFUSED", at });
      if (taken) {
        this.#seen.delete(uuid);
        this.#last.delete(uuid);
      } else {
        const row = sheet.row("accelerator", ["gpu", tag]);
        row.add("health_state", { value: health.absent, at: "list of cards", raw: why });
        addXid(row, this.#log?.newest(card.bus), card);
      }
    }
    for (const { card, why } of lost) {
      if ([...this.#seen.values()].some((seen) => isCard(seen, card))) continue;
      sheet.faults.push({ code: "E_DEVICE_REFUSED", at: `gpu at ${card}: ${why}` });
    }
  }

  async #readDetails(sheet: CardSheet, signal: AbortSignal): Promise<void> {
    const texts = cardsIn(await this.#output(["-q", "-x"], signal));
    const failures: GatewayError[] = [];
    for (const [index, text] of texts.entries()) {
      try {
        this.#readDetail(parseElements(text), index, sheet);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        failures.push(error);
        if (failures.length === texts.length) throw error;
      }
      // Others first, before the next card.
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
    for (const { code, message } of failures) sheet.faults.push({ code, at: message });
  }

  #readDetail(gpu: Element, index: number, sheet: CardSheet): void {
    const tag = this.#tagOf(seenInXml(gpu, this.#seen, index));
    const row = sheet.card(tag);
    if (row !== undefined) blame(sheet, tag, readDetails(gpu, row));
    for (const { name, values } of instancesOf(gpu)) {
      const part = sheet.row("accelerator_instance", ["instance", `gpu${tag}_${name}`]);
      for (const [field, value] of values) part.add(field, value);
    }
  }

  async #readLinks(sheet: CardSheet, signal: AbortSignal): Promise<void> {
    const links = new Links();
    for (const way of ["-s", "-gt d", "-e"] as const) {
      const { program, timeout } = this.#options;
      const args = ["nvlink", ...way.split(" ")];
      const said = await this.#run({ program, args, timeout, package: toolPackage }, signal);
      // Cards without NVLink make the command fail; that is how they say so.
      const strange = said.exit === 0 ? links.accept(said.output, way) : [];
      if (links.all.length === 0 && strange.length === 0) return;
      if (strange.length === 0) continue;
      const at = `nvlink ${way}: ${strange.length} lines, first: ${saidIn(strange[0] ?? "")}`;
      sheet.faults.push({ code: "E_DEVICE_FRAME", at });
    }
    for (const link of links.all) {
      const tag = this.#tagOf({ index: link.index, uuid: link.uuid, bus: "" });
      const row = sheet.row("accelerator_link", ["link", `gpu${tag}_link${link.number}`]);
      for (const [field, value] of link.values) row.add(field, value);
    }
    for (const [uuid, ofCard] of Map.groupBy(links.all, ({ uuid }) => uuid)) {
      const row = sheet.card(this.#tagOf({ index: ofCard[0]?.index ?? "", uuid, bus: "" }));
      if (row !== undefined) addSums(row, ofCard);
    }
  }

  /** @throws E_PROGRAM when it did not end well */
  async #output(args: readonly string[], signal: AbortSignal): Promise<string> {
    const { program, timeout } = this.#options;
    const said = await this.#run({ program, args, timeout, package: toolPackage }, signal);
    if (said.exit === 0) return said.output;
    // Since 535 a lost card makes it end with an error after printing the others.
    if (said.output.trimEnd().endsWith("</nvidia_smi_log>")) return said.output;
    const why = saidIn(said.output, said.said);
    throw programFailed(`${program} ${args.join(" ")} ended with ${said.exit}: ${why}`);
  }

  #tagOf({ index, uuid }: SeenCard): string {
    return this.#options.tag === "uuid" ? uuid : index;
  }
}

function programFailed(why: string): GatewayError {
  return new GatewayError("E_PROGRAM", why);
}

function seenIn(cells: Cells): SeenCard {
  const index = cells.get("index") ?? "";
  const uuid = cells.get("uuid") ?? "";
  return { index, uuid: uuid === "" ? `index ${index}` : uuid, bus: cells.get("pci.bus_id") ?? "" };
}

/** The XML has no index; a card that the columns have not shown is known by its place. */
function seenInXml(gpu: Element, seen: ReadonlyMap<string, SeenCard>, index: number): SeenCard {
  const uuid = textAt(gpu, "uuid") ?? "";
  const bus = textAt(gpu, "pci/pci_bus_id") ?? "";
  return seen.get(uuid) ?? { index: String(index), uuid, bus };
}

function addXid(row: CardRow, xid: number | undefined, { bus }: SeenCard): void {
  if (xid === undefined) return;
  row.add("xid_code", { value: xid, at: "kernel log", raw: `${bus} ${xid}` });
}

function addSums(row: CardRow, links: readonly Link[]): void {
  for (const [field, part] of [
    ["link_rx_bytes_total", "rx_bytes_total"],
    ["link_tx_bytes_total", "tx_bytes_total"],
    ["link_errors_total", "errors_total"],
  ] as const) {
    const values = links.flatMap((link) => link.values.get(part) ?? []);
    const [first] = values;
    if (first === undefined) continue;
    const value = values.reduce((sum, one) => sum + one.value, 0);
    row.add(field, { value, at: `${first.at}, all links`, raw: `${values.length} links` });
  }
}

/** One fault for each kind of trouble of a card, however many values it takes. */
function blame(
  sheet: CardSheet,
  tag: string,
  trouble: ReadonlyMap<string, readonly string[]>,
): void {
  for (const [why, [first = "", ...more]] of trouble) {
    const code = why.startsWith("cannot be read") ? "E_DEVICE_FRAME" : "E_DEVICE_REFUSED";
    const rest = more.length === 0 ? "" : ` and ${more.length} more`;
    sheet.faults.push({ code, at: `gpu ${tag}: ${why} (${first}${rest})` });
  }
}
