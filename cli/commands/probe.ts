/**
 * `rackstreet probe`: what an unknown register holds, from what is expected of it or from physics:
 * table, address, type, byte order and scale, the likeliest first. Only reads.
 */
import type { Candidate, Expectation, Probed, RegisterTable, Window } from "../../drivers/index.ts";
import {
  parseExpectation,
  placesOf,
  probe,
  quantities,
  registerTables,
  skeletonOf,
  windowsOf,
} from "../../drivers/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { defineCommand, durationArgument, jsonOption, print, printJson } from "../command.ts";
import { targetOf, wireOptions } from "../modbus-target.ts";
import type { WireArguments } from "../modbus-target.ts";
import { clock } from "../platform.ts";
import { renderTable } from "../table.ts";

/** Looks after which a search without an expectation ends, the first not counted. */
const looksAgain = 1;

interface ProbeArguments extends WireArguments {
  readonly unit: number;
  readonly at: number | undefined;
  readonly range: string | undefined;
  readonly table: string;
  readonly expect: readonly string[];
  readonly tolerance: string | undefined;
  readonly watch: string | undefined;
  readonly block: number | undefined;
  readonly top: number;
}

export const probeCommand = defineCommand({
  command: "probe",
  describe: "Find type, byte order, address and scale of unknown registers",
  builder: (yargs) =>
    yargs
      .options(wireOptions)
      .option("unit", { type: "number", default: 1, describe: "Modbus unit id." })
      .option("at", { type: "number", describe: "A register as the manual numbers it." })
      .option("range", { type: "string", describe: "Wire addresses to search: 0-200." })
      .option("table", {
        type: "string",
        default: "both",
        choices: ["both", ...registerTables],
        describe: "Where to look.",
      })
      .option("expect", {
        type: "string",
        array: true,
        default: [],
        describe: "What is known: 230V, power=1.52kW, energy=1234kWh±5.",
      })
      .option("tolerance", { type: "string", describe: "For all that say none: 2%." })
      .option("watch", { type: "string", describe: "Look again after this time: 10s." })
      .option("block", { type: "number", describe: "Most registers of one request." })
      .option("top", { type: "number", default: 5, describe: "Candidates shown of each." })
      .option("yaml", { type: "boolean", default: false, describe: "Print a profile to begin." })
      .option("json", jsonOption)
      .example("$0 probe --address tcp://10.0.0.5 --unit 3 --at 12 --expect 230V", "one register")
      .example(
        "$0 probe --address tcp://10.0.0.5 --range 0-200 --expect 230.1V --expect 1.52kW",
        "where voltage and power stand",
      )
      .example("$0 probe --port /dev/ttyUSB0 --range 0-120 --yaml", "a profile, by physics alone"),
  handler: async ({ json, yaml, ...given }) => {
    const { windows, places } = windowsFor(given);
    const expectations = given.expect.map((text) => expectationOf(text, given.tolerance));
    const target = { ...targetOf(given, given.unit), block: blockOf(given.block) };
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    const ask = { windows, places, expectations, again: looksOf(given, expectations) };
    const probed = await probe(target, ask, { clock, signal: stop.signal });
    const chosen = chosenOf(probed);
    if (json) printJson(summaryOf(probed, given.top));
    else if (yaml && chosen.length > 0) print(skeletonOf(chosen).trimEnd());
    else print(report(probed, given.top));
    if (chosen.length === 0) {
      const why = "nothing there fits; search a wider --range, or allow more --tolerance";
      throw new GatewayError("E_VALUE", why);
    }
  },
});

function windowsFor({ at, range, table }: ProbeArguments): {
  readonly windows: readonly Window[];
  readonly places: ReturnType<typeof placesOf> | undefined;
} {
  if ((at === undefined) === (range === undefined)) {
    throw new GatewayError("E_USAGE", "give either --at or --range");
  }
  const tables = registerTables.filter((one) => table === "both" || table === one);
  if (at !== undefined) {
    const places = Number.isInteger(at) ? placesOf(at, tables) : [];
    if (places.length === 0) throw new GatewayError("E_USAGE", `--at ${at}: no such register`);
    return { windows: windowsOf(places), places };
  }
  const { from, to } = rangeOf(range ?? "");
  return {
    windows: tables.map((one: RegisterTable) => ({ table: one, from, to })),
    places: undefined,
  };
}

/** Widest range of one search; wider ones take too long for a person. @unit registers */
const widestRange = 20_000;

/** @throws E_USAGE */
function rangeOf(text: string): { readonly from: number; readonly to: number } {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  const [from = -1, to = -1] = (match ?? []).slice(1).map(Number);
  if (from < 0 || to < from || to > 0xffff || to - from >= widestRange) {
    const why = `FROM-TO, wire addresses from 0 to 65535, at most ${widestRange} of them`;
    throw new GatewayError("E_USAGE", `--range ${text}: ${why}`);
  }
  return { from, to };
}

function expectationOf(text: string, tolerance: string | undefined): Expectation {
  const own = /±|\+-/.test(text) || tolerance === undefined;
  return parseExpectation(own ? text : `${text}±${tolerance}`);
}

/** @throws E_USAGE */
function blockOf(block: number | undefined): number | undefined {
  if (block === undefined || (Number.isInteger(block) && block >= 1 && block <= 125)) return block;
  throw new GatewayError("E_USAGE", `--block ${block}: 1 to 125`);
}

/** Physics wants to see what moves; an expectation only when asked. */
function looksOf({ watch }: ProbeArguments, expectations: readonly Expectation[]): number[] {
  if (watch !== undefined) return [durationArgument("watch", watch)];
  return expectations.length === 0 ? Array<number>(looksAgain).fill(2000) : [];
}

/** What a profile is made of: the first of each expectation, or what physics finds likely. */
function chosenOf({ answers, plausible }: Probed): readonly Candidate[] {
  if (answers.length === 0) return plausible;
  return answers.flatMap(({ candidates }) => candidates.slice(0, 1));
}

function summaryOf({ answers, plausible, taken }: Probed, top: number): unknown {
  const { holes, unread, requests } = taken;
  return {
    answers: answers.map(({ expectation, candidates }) => ({
      expectation,
      candidates: candidates.slice(0, top),
    })),
    plausible,
    holes,
    unread,
    requests,
  };
}

const head = ["", "quantity", "table", "address", "type", "order", "scale", "value", "sure", "why"];

function report({ answers, plausible, taken }: Probed, top: number): string {
  const lists = answers.length === 0 ? [plausible] : answers.map(({ candidates }) => candidates);
  const shown = answers.length === 0 ? plausible.length : top;
  const rows = lists.flatMap((list) =>
    list.slice(0, shown).map((candidate, index) => rowOf(candidate, index + 1)),
  );
  const read = taken.snapshot.words.holding.size + taken.snapshot.words.input.size;
  const facts = [
    `${read} registers in ${taken.requests} requests`,
    ...(taken.holes > 0 ? [`${taken.holes} refused by the device`] : []),
    ...(taken.unread > 0 ? [`${taken.unread} not read: the search has a limit`] : []),
  ];
  const table = rows.length === 0 ? [] : [renderTable(head, rows)];
  return [...table, facts.join(", ")].join("\n");
}

function rowOf(candidate: Candidate, rank: number): string[] {
  const { quantity, table, at, type, order, also, scale, value, confidence, why } = candidate;
  const { unit } = quantities[quantity];
  return [
    String(rank),
    quantity,
    table,
    `${at} (0x${at.toString(16).padStart(4, "0")})`,
    [type, ...also].join(" or "),
    order,
    String(scale),
    `${Number(value.toPrecision(7))} ${unit}`.trim(),
    `${Math.round(confidence * 100)} %`,
    why.join("; "),
  ];
}
