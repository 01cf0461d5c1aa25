/**
 * `rackstreet capacity`: what each element of the topology is rated for, takes and has left, now
 * and when something fails, and when it is full; from the store.
 */
import type { ElementCapacity } from "../../alerts/index.ts";
import { readSite } from "../../alerts/index.ts";
import type { Topology } from "../../config/index.ts";
import { nearest } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { capacityFlags, readCapacity } from "../capacity-read.ts";
import { capacityText, elementJson } from "../capacity-text.ts";
import { figuresJson, figuresText } from "../capacity-figures.ts";
import { configArgument, defineCommand, jsonOption, print, printJson } from "../command.ts";
import { exitCodes } from "../exit.ts";
import { capacityFitCommand } from "./capacity-fit.ts";
import { capacityQueriesCommand } from "./capacity-queries.ts";

const showCommand = defineCommand({
  command: ["show <config>", "$0"],
  describe: "What is rated, used and left of each element, and when it is full",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .options(capacityFlags)
      .option("at", { type: "string", describe: "Only this element, and what feeds it." })
      .option("check", {
        type: "boolean",
        default: false,
        describe: "Exit code 65 when a limit is passed, now or in a failure to be survived.",
      })
      .option("json", jsonOption)
      .example("$0 capacity site.yaml", "every element, feed and phase")
      .example("$0 capacity site.yaml --at r03 --since 30d", "one rack and its way of power")
      .example("$0 capacity site.yaml --check", "for scripts: 65 when a limit is passed")
      .epilogue(
        "Used is the sum of the meters that stand for an element, each watt once, as means of " +
          "5 min. What has too few rows is told as ?, never as 0. docs/capacity.md.",
      ),
  handler: async ({ config, at, check, json, ...given }) => {
    const site = await readCapacity(config, given, readSite);
    const { topology, capacity, measured } = site;
    const names = viewOf(topology, at);
    const elements = capacity.elements.filter(({ element }) => names?.has(element.id) ?? true);
    if (json) {
      const { frame, since } = measured;
      const span = { from: new Date(frame.to - since), to: new Date(frame.to) };
      const { feeds, consumers } = capacity;
      const { onPaper } = consumers;
      printJson({
        ...span,
        elements: elements.map(elementJson),
        feeds,
        onPaper,
        ...(at === undefined ? figuresJson(site) : {}),
      });
    } else {
      const shown = elements.filter(({ element }) => element.kind !== "load" || at === element.id);
      print(capacityText(capacity, shown));
      if (at === undefined) print(figuresText(site));
    }
    if (check && elements.some(isOver)) process.exitCode = exitCodes.data;
  },
});

/** The element, what feeds it, and the places around it. @throws E_USAGE */
function viewOf(topology: Topology, at: string | undefined): ReadonlySet<string> | undefined {
  if (at === undefined) return undefined;
  if (!topology.elements.has(at)) {
    const near = nearest(at, [...topology.elements.keys()]);
    const hint = near === undefined ? "`rackstreet topology` shows all" : `did you mean "${near}"?`;
    throw new GatewayError("E_USAGE", `no element ${at}; ${hint}`);
  }
  const all = [...topology.upstream(at), ...topology.placesAround(at), ...topology.within(at)];
  return new Set([at, ...all.map(({ id }) => id)]);
}

/** Sums in another order differ in their last digits. @unit W */
const hair = 1e-6;

function isOver({ headroom, failover }: ElementCapacity): boolean {
  if (headroom !== undefined && headroom < -hair) return true;
  return failover !== undefined && failover.asked && failover.headroom < -hair;
}

export const capacityCommand = defineCommand({
  command: "capacity",
  describe: "What is used and left of racks, breakers, UPS and feeds, now and in failover",
  builder: (yargs) =>
    yargs
      .command(showCommand)
      .command(capacityFitCommand)
      .command(capacityQueriesCommand)
      .example("$0 capacity site.yaml", "every element, feed and phase")
      .example("$0 capacity fit site.yaml --power 700W --count 14", "where 14 more fit"),
  handler: () => undefined,
});
