/**
 * The AMD cards of one machine: what amd-smi tells, or where there is none its forerunner rocm-smi.
 * Each poll is a run of the tool, which takes a second or so: it has no form that goes on and is
 * JSON line by line.
 */
import { GatewayError } from "../../telemetry/index.ts";
import type { CardSheet } from "../cards.ts";
import { CardRoll, saidIn } from "../cards.ts";
import { CardEnergy } from "../cards-energy.ts";
import type { CardPart } from "../cards-session.ts";
import type { Memory } from "../contract.ts";
import type { RunProgram } from "../transport/program.ts";
import type { Entry } from "./json.ts";
import { cardsOf, entriesOf, isList, jsonIn, valueAt } from "./json.ts";
import type { Troubles } from "./keys.ts";
import { energyOf, readCard, readEntry } from "./keys.ts";
import type { AmdOptions } from "./options.ts";
import { quantity } from "./quantity.ts";

const packages = { "amd-smi": "amd-smi-lib", "rocm-smi": "rocm-smi-lib" } as const;
type Tool = keyof typeof packages;

/** Links of one card. */
const maxLinks = 64;

export interface MachineParts {
  readonly options: AmdOptions;
  readonly run: RunProgram;
  readonly memory: Memory | undefined;
}

export class Machine {
  readonly #options: AmdOptions;
  readonly #run: RunProgram;
  readonly #energy: CardEnergy;
  readonly #roll = new CardRoll();
  /** Which tool is used; undefined until the first read has found out. */
  #tool: Tool | undefined;

  constructor({ options, run, memory }: MachineParts) {
    this.#options = options;
    this.#run = run;
    this.#energy = new CardEnergy(memory);
    if (options.program !== undefined) this.#tool = toolNamed(options.program);
  }

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

  async #readCards(sheet: CardSheet, signal: AbortSignal): Promise<void> {
    const { tool, output, program } = await this.#ask(signal);
    const root = jsonIn(output, program);
    const entries = tool === "amd-smi" ? entriesOf(root) : cardsOf(root);
    if (entries.length === 0) throw new GatewayError("E_PROGRAM", `${program} lists no card`);
    for (const { index, fields } of entries) {
      const row = sheet.row("accelerator", ["gpu", index]);
      const isNew = tool === "amd-smi";
      blame(sheet, index, isNew ? readEntry(fields, row, "metric") : readCard(fields, row));
      const energy = energyOf(fields);
      if (energy === undefined) continue;
      row.add("energy_wh_total", this.#energy.counted(index, energy.joules, energy));
    }
    this.#roll.call(new Set(entries.map(({ index }) => index)), sheet);
    this.#energy.keep();
  }

  async #readDetails(sheet: CardSheet, signal: AbortSignal): Promise<void> {
    if (this.#tool === "rocm-smi") return;
    for (const { index, fields } of await this.#entries(["static", "--json"], signal)) {
      const row = sheet.card(index);
      if (row !== undefined) blame(sheet, index, readEntry(fields, row, "static"));
    }
  }

  async #readLinks(sheet: CardSheet, signal: AbortSignal): Promise<void> {
    if (this.#tool === "rocm-smi") return;
    const entries = await this.#entries(["xgmi", "--metric", "--json"], signal).catch(
      (error: unknown) => {
        // Machines with one card have no links, and the tool then fails.
        if (error instanceof GatewayError && error.code !== "E_DISCONNECTED") return [];
        throw error;
      },
    );
    for (const { index, fields } of entries) addLinks(sheet, index, fields);
  }

  /** What tells of the cards; finds out which tool there is. */
  async #ask(
    signal: AbortSignal,
  ): Promise<{ readonly tool: Tool; readonly program: string; readonly output: string }> {
    if (this.#tool !== undefined) return this.#output(this.#tool, queries[this.#tool], signal);
    try {
      const answer = await this.#output("amd-smi", queries["amd-smi"], signal);
      this.#tool = "amd-smi";
      return answer;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "E_PROGRAM_MISSING") throw error;
    }
    const answer = await this.#output("rocm-smi", queries["rocm-smi"], signal);
    this.#tool = "rocm-smi";
    return answer;
  }

  async #entries(args: readonly string[], signal: AbortSignal): Promise<Entry[]> {
    const { output, program } = await this.#output("amd-smi", args, signal);
    return entriesOf(jsonIn(output, program));
  }

  /** @throws E_PROGRAM when it ended with an error and printed no JSON */
  async #output(
    tool: Tool,
    args: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly tool: Tool; readonly program: string; readonly output: string }> {
    const program = this.#options.program ?? tool;
    const { timeout } = this.#options;
    const said = await this.#run({ program, args, timeout, package: packages[tool] }, signal);
    if (said.exit !== 0 && !/^[[{]/m.test(said.output)) {
      const why = saidIn(said.output, said.said) || "it said nothing";
      throw new GatewayError("E_PROGRAM", `${program} ended with ${said.exit}: ${why}`);
    }
    return { tool, program, output: said.output };
  }
}

const queries = {
  "amd-smi": ["metric", "--json"],
  "rocm-smi": ["-a", "--json"],
} as const satisfies Record<Tool, readonly string[]>;

function toolNamed(program: string): Tool {
  return /rocm-?smi[^/\\]*$/i.test(program) ? "rocm-smi" : "amd-smi";
}

/** `{link_metrics: {links: [{gpu: 1, read: {value, unit}, write: {value, unit}}]}}`. */
function addLinks(sheet: CardSheet, index: string, fields: unknown): void {
  const links = valueAt(fields, "link_metrics/links");
  if (!isList(links)) return;
  const sums = new Map<string, number>();
  for (const link of links.slice(0, maxLinks)) {
    const peer = valueAt(link, "gpu");
    // Its place in its own list has no link.
    if (typeof peer !== "number" || String(peer) === index) continue;
    const row = sheet.row("accelerator_link", ["link", `gpu${index}_gpu${peer}`]);
    for (const [field, key] of [
      ["rx_bytes_total", "read"],
      ["tx_bytes_total", "write"],
    ] as const) {
      const read = quantity(valueAt(link, key), "B", "KB");
      if (read === undefined || !("value" in read)) continue;
      row.add(field, { value: read.value, at: `xgmi ${key}`, raw: read.raw });
      sums.set(`link_${field}`, (sums.get(`link_${field}`) ?? 0) + read.value);
    }
  }
  const card = sheet.card(index);
  for (const [field, value] of sums) {
    card?.add(field, { value, at: "xgmi, all links", raw: String(value) });
  }
}

function blame(sheet: CardSheet, tag: string, troubles: Troubles): void {
  const [first, ...more] = troubles;
  if (first === undefined) return;
  const rest = more.length === 0 ? "" : ` and ${more.length} more`;
  sheet.faults.push({ code: "E_DEVICE_FRAME", at: `gpu ${tag}: ${first}${rest}` });
}
