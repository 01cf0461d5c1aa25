/**
 * `rackstreet topology`: where things stand and what brings power to what, as trees, and what is
 * wrong with it on paper. From the configuration alone: nothing is read.
 */
import type { Element, Finding, Topology } from "../../config/index.ts";
import { drawn, nearest, paperFindings, placeTree, powerTree } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { configArgument, defineCommand, jsonOption, print, printJson } from "../command.ts";
import { loadConfig } from "../config.ts";
import { exitCodes } from "../exit.ts";
import { siteTopology } from "../site-topology.ts";
import { renderTable } from "../table.ts";
import { elementJson, elementLine, elementText } from "../topology-text.ts";
import { counted } from "../values.ts";

export const topologyCommand = defineCommand({
  command: "topology <config>",
  describe: "Draw places and the way of power; find what is wrong with it on paper",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("feed", { type: "string", describe: "Only what is on this feed." })
      .option("at", {
        type: "string",
        describe: "Only this place or piece of equipment, with all that is known of it.",
      })
      .option("check", {
        type: "boolean",
        default: false,
        describe: "Only the findings; exit code 65 when there are errors.",
      })
      .option("json", jsonOption)
      .example("$0 topology site.yaml", "both trees, and the findings below them")
      .example("$0 topology site.yaml --feed A", "what hangs on feed A")
      .example("$0 topology site.yaml --at r01", "one rack: its ratings, feeds and meters")
      .example("$0 topology site.yaml --check", "for scripts: 65 when something is wrong")
      .epilogue(
        "Sums are of nameplates, not of readings. What is fed twice stands under both in the " +
          "tree of power, marked. docs/topology.md explains every finding.",
      ),
  handler: async ({ config, feed, at, check, json }) => {
    const topology = siteTopology(await loadConfig(config));
    if (topology === undefined) {
      throw new GatewayError("E_USAGE", `${config} has no topology; docs/topology.md begins one`);
    }
    const view = viewOf(topology, { feed, at });
    const findings = paperFindings(topology).filter(({ element }) => view.names(element));
    if (json) printJson(jsonOf(topology, view, findings));
    else print((check ? findingsText(findings) : pageOf(topology, view, findings)).trimEnd());
    const errors = findings.some(({ severity }) => severity === "error");
    if (check && errors) process.exitCode = exitCodes.data;
  },
});

/** What of a topology is looked at. */
interface View {
  readonly at: Element | undefined;
  /** Whether an element belongs to it. */
  names(id: string): boolean;
}

/** @throws E_USAGE for a feed or an element that is not there */
function viewOf(
  topology: Topology,
  { feed, at }: { readonly feed: string | undefined; readonly at: string | undefined },
): View {
  const feeds = [...new Set([...topology.elements.values()].flatMap((one) => one.feed ?? []))];
  if (feed !== undefined && !feeds.includes(feed)) {
    throw new GatewayError("E_USAGE", `no feed ${feed}; ${hint(feed, feeds)}`);
  }
  const ids = [...topology.elements.keys()];
  if (at !== undefined && !topology.elements.has(at)) {
    throw new GatewayError("E_USAGE", `no element ${at}; ${hint(at, ids)}`);
  }
  const element = at === undefined ? undefined : topology.element(at);
  const around =
    element === undefined
      ? undefined
      : new Set(
          [element, ...topology.within(element.id), ...topology.downstream(element.id)].flatMap(
            (one) => [one.id, ...topology.upstream(one.id).map(({ id }) => id)],
          ),
        );
  const on = (id: string): boolean =>
    feed === undefined || topology.element(id).feeds.includes(feed);
  return { at: element, names: (id) => on(id) && (around?.has(id) ?? true) };
}

function hint(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 ? "there is none" : `there are ${known.slice(0, 12).join(", ")}`;
}

function pageOf(topology: Topology, view: View, findings: readonly Finding[]): string {
  const told = elementLine(topology);
  const place = view.at === undefined || topology.isPlace(view.at.id) ? view.at : undefined;
  const places = placeTree(topology, place?.id ?? topology.site, told);
  const roots = [...topology.elements.values()].filter(
    ({ id, parents }) => parents.length === 0 && !topology.isPlace(id),
  );
  const power = powerTree(topology, roots, {
    told,
    shown: ({ id }) => inPower(topology, view, id),
  });
  const parts = [
    ...(view.at === undefined ? [] : [elementText(topology, view.at)]),
    ...(view.at !== undefined && place === undefined
      ? []
      : [`PLACES\n${drawn([places]).join("\n")}`]),
    `POWER\n${drawn(power).join("\n")}`,
    findingsText(findings),
  ];
  return parts.join("\n\n");
}

/** What feeds a feed stands above it, though it is on none. */
function inPower(topology: Topology, view: View, id: string): boolean {
  if (view.names(id)) return true;
  return (
    topology.element(id).feeds.length === 0 &&
    topology.downstream(id).some((below) => view.names(below.id))
  );
}

function findingsText(findings: readonly Finding[]): string {
  if (findings.length === 0) return "nothing is wrong on paper";
  const head = ["severity", "finding", "element", "what", "remedy"];
  const rows = findings.map(({ severity, rule, element, sentence, remedy }) => [
    severity,
    rule,
    element,
    sentence,
    remedy,
  ]);
  const of = (wanted: string): number =>
    findings.filter(({ severity }) => severity === wanted).length;
  const counts = [counted(of("error"), "error"), counted(of("warning"), "warning")];
  return `${renderTable(head, rows)}\n${[...counts, counted(of("note"), "note")].join(", ")}`;
}

function jsonOf(topology: Topology, view: View, findings: readonly Finding[]): unknown {
  const elements = [...topology.elements.values()].filter(({ id }) => view.names(id));
  return {
    site: topology.site,
    elements: elements.map(elementJson(topology)),
    findings,
  };
}
