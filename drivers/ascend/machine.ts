/**
 * The Ascend NPUs of one machine, by npu-smi: one run prints all chips, further runs for each NPU
 * what the table lacks. A chip is a row; on cards with more than one, power stands at the first.
 */
import { GatewayError } from "../../telemetry/index.ts";
import type { CardRow, CardSheet } from "../cards.ts";
import { CardRoll, health, mebibyte, numberIn, saidIn } from "../cards.ts";
import type { CardPart } from "../cards-session.ts";
import type { RunProgram } from "../transport/program.ts";
import { isAbsent, readPairs } from "./pairs.ts";
import { readAspect } from "./aspects.ts";
import type { Aspect } from "./aspects.ts";
import { aspects } from "./aspects.ts";
import type { AscendOptions } from "./options.ts";
import type { Chip } from "./table.ts";
import { readTable } from "./table.ts";

/** It comes with the driver. */
const toolPackage = "the Ascend driver";

export class Machine {
  readonly #options: AscendOptions;
  readonly #run: RunProgram;
  readonly #roll = new CardRoll();
  /** What a chip cannot tell, by its tag: it is not asked again. Bounded by chips and aspects. */
  readonly #unsupported = new Set<string>();
  #chips: readonly Chip[] = [];

  constructor(options: AscendOptions, run: RunProgram) {
    this.#options = options;
    this.#run = run;
  }

  get parts(): readonly CardPart[] {
    return [
      {
        group: { name: "cards", every: undefined },
        read: (sheet, signal) => this.#readCards(sheet, signal),
      },
      {
        group: { name: "details", every: this.#options.details },
        read: (sheet, signal) => this.#readDetails(sheet, signal),
      },
    ];
  }

  async #readCards(sheet: CardSheet, signal: AbortSignal): Promise<void> {
    const { program } = this.#options;
    const { exit, output, said } = await this.#ask(["info"], signal);
    const { isTable, chips, strange } = readTable(output);
    if (!isTable || (chips.length === 0 && strange.length === 0)) {
      const why = saidIn(output, said) || "it said nothing";
      if (exit !== 0) throw failed(`${program} info ended with ${exit}: ${why}`);
      throw new GatewayError("E_DEVICE_FRAME", `${program} info is no table of NPUs: ${why}`);
    }
    this.#chips = chips;
    for (const chip of chips) readChip(sheet, chip, tagOf(chip, chips));
    for (const line of strange) sheet.faults.push({ code: "E_DEVICE_FRAME", at: `table: ${line}` });
    // A chip whose lines do not fit is not gone.
    if (strange.length > 0) return;
    this.#roll.call(new Set(chips.map((chip) => tagOf(chip, chips))), sheet);
  }

  async #readDetails(sheet: CardSheet, signal: AbortSignal): Promise<void> {
    for (const chip of this.#chips) {
      const tag = tagOf(chip, this.#chips);
      const row = sheet.card(tag);
      if (row === undefined) continue;
      for (const aspect of aspects) {
        if (this.#unsupported.has(`${tag} ${aspect}`)) continue;
        const why = await this.#readAspect({ chip, aspect, row }, signal);
        if (why !== undefined) sheet.faults.push({ ...why, at: `gpu ${tag}: ${why.at}` });
      }
    }
  }

  async #readAspect(
    { chip, aspect, row }: { readonly chip: Chip; readonly aspect: Aspect; readonly row: CardRow },
    signal: AbortSignal,
  ): Promise<{ readonly code: "E_PROGRAM" | "E_DEVICE_FRAME"; readonly at: string } | undefined> {
    const alone = this.#chips.filter(({ npu }) => npu === chip.npu).length === 1;
    // Newest products have one chip and refuse to be asked for it.
    const which = alone ? ["-i", chip.npu] : ["-i", chip.npu, "-c", chip.chip];
    const args = ["info", "-t", aspect, ...which];
    const { exit, output, said } = await this.#ask(args, signal);
    const words = saidIn(output, said);
    if (/not support|error parameter/i.test(words)) {
      this.#unsupported.add(`${row.channel[1]} ${aspect}`);
      return undefined;
    }
    if (exit !== 0) return { code: "E_PROGRAM", at: `${args.join(" ")}: ${words}` };
    const broken = readAspect(aspect, readPairs(output), row);
    return broken.length === 0
      ? undefined
      : { code: "E_DEVICE_FRAME", at: `${args.join(" ")}: ${broken.join(", ")}` };
  }

  #ask(args: readonly string[], signal: AbortSignal) {
    const { program, timeout } = this.#options;
    return this.#run({ program, args, timeout, package: toolPackage }, signal);
  }
}

function failed(why: string): GatewayError {
  return new GatewayError("E_PROGRAM", why);
}

/** `3`, or `3-1` on cards with more than one chip. */
function tagOf({ npu, chip }: Chip, all: readonly Chip[]): string {
  return all.some((other) => other.npu === npu && other.chip !== chip) ? `${npu}-${chip}` : npu;
}

const healthWords: ReadonlyMap<string, number> = new Map([
  ["ok", health.good],
  ["warning", health.warning],
  ["alarm", health.critical],
  ["critical", health.critical],
]);

const plain = [
  ["power_w", "Power(W)"],
  ["temp_c", "Temp(C)"],
  ["util_pct", "AICore(%)"],
] as const;

function readChip(sheet: CardSheet, { health: word, values }: Chip, tag: string): void {
  const row = sheet.row("accelerator", ["gpu", tag]);
  const broken: string[] = [];
  for (const [field, heading] of plain) {
    const text = values.get(heading) ?? "";
    if (isAbsent(text)) continue;
    const value = numberIn(text);
    if (value === undefined) broken.push(`${heading} ${text}`);
    else row.add(field, { value, at: heading, raw: text });
  }
  // Cards with HBM show 0 of 0 for the memory that they do not have.
  for (const heading of ["HBM-Usage(MB)", "Memory-Usage(MB)"]) {
    const text = values.get(heading) ?? "";
    const [, used, total = "0"] = /^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
    if (used === undefined && !isAbsent(text)) broken.push(`${heading} ${text}`);
    if (used === undefined || Number(total) === 0) continue;
    row.add("mem_used_bytes", { value: Number(used) * mebibyte, at: heading, raw: text });
    row.add("mem_total_bytes", { value: Number(total) * mebibyte, at: heading, raw: text });
  }
  const judged = healthWords.get(word.toLowerCase());
  if (judged !== undefined) row.add("health_state", { value: judged, at: "Health", raw: word });
  else if (!isAbsent(word)) broken.push(`Health ${word}`);
  if (broken.length > 0) {
    sheet.faults.push({ code: "E_DEVICE_FRAME", at: `gpu ${tag}: ${broken.join(", ")}` });
  }
}
