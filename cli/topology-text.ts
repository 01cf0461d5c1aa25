/** What is said of an element of the topology: in a tree, by itself, to a machine. */
import type { Element, MeasuredPower, Told, Topology } from "../config/index.ts";
import { measuredPower, paperFlow, seriesName, shownRating, tightest } from "../config/index.ts";

/** `cb-a-01 breaker 32 A, 25 % of 80 %`: one line of a tree. */
export function elementLine(topology: Topology): Told {
  const flow = paperFlow(topology);
  return (element) => {
    const { id, kind, feed, phases, units } = element;
    const parts = [
      ...(feed === undefined ? [] : [`feed ${feed}`]),
      ...(phases.length < 3 && !topology.isPlace(id) && kind !== "load" ? [phases.join("-")] : []),
      ...(units === undefined ? [] : [`${units} U`]),
      ...ratings(element),
      ...paper(topology, element, flow.of(id)),
    ];
    const more = parts.length === 0 ? "" : ` (${parts.join(", ")})`;
    return `${kind} ${id}${more}`;
  };
}

function ratings({ rating, kind }: Element): string[] {
  const { power, apparent, current, cable, cooling } = rating;
  const shown: string[] = [];
  if (apparent !== undefined) shown.push(shownRating(apparent, "VA"));
  if (power !== undefined) shown.push(shownRating(power, "W"));
  if (current !== undefined) shown.push(shownRating(current, "A"));
  if (cable !== undefined) shown.push(`cable ${shownRating(cable, "A")}`);
  if (cooling !== undefined) shown.push(`cooling ${shownRating(cooling, "W")}`);
  return kind === "site" ? [] : shown;
}

/** `12 kW on paper, 47 %`: of what may last. */
function paper(
  topology: Topology,
  element: Element,
  flow: ReturnType<ReturnType<typeof paperFlow>["of"]>,
): string[] {
  if (topology.isPlace(element.id) || element.kind === "load" || flow.watts === 0) return [];
  const use = tightest(element, flow);
  const share = use === undefined ? "" : `, ${Math.round((100 * use.used) / use.limit)} %`;
  return [`${shownRating(flow.watts, "W")} on paper${share}`];
}

/** Everything known of one element, in lines. */
export function elementText(topology: Topology, element: Element): string {
  const { id, kind, about, feeds, phases, voltage, redundancy, parents, derate } = element;
  const isPlace = topology.isPlace(id);
  const around = topology.placesAround(id).map((place) => `${place.kind} ${place.id}`);
  const lines: (readonly [string, string])[] = [
    ["about", about ?? ""],
    ["in", around.join(", ")],
    ["fed by", parents.join(", ")],
    ["feeds", feeds.join(", ")],
    ["phases", isPlace ? "" : `${phases.join(", ")}, ${shownRating(voltage, "V")} line to neutral`],
    ["rated", ratings(element).join(", ")],
    ["derated", derate < 1 ? `${Math.round(derate * 100)} % of its current may last` : ""],
    ["redundancy", isPlace || kind === "load" ? redundancy : ""],
    ["measured", measuredText(measuredPower(topology, id))],
  ];
  const told = lines.filter(([, value]) => value !== "");
  return [`${kind} ${id}`, ...told.map(([key, value]) => `  ${key}: ${value}`)].join("\n");
}

const bases = {
  own: "itself",
  legs: "what feeds it alone",
  parts: "the sum of its parts",
} as const;

function measuredText({ basis, series, missing }: MeasuredPower): string {
  const short = missing.length === 0 ? "" : `; nobody measures ${shortList(missing)}`;
  if (basis === undefined) return `no${short}`;
  return `by ${bases[basis]}: ${shortList(series.map(seriesName), " + ")}${short}`;
}

function shortList(names: readonly string[], between = ", "): string {
  const most = 8;
  const more = names.length > most ? `${between}${names.length - most} more` : "";
  return names.slice(0, most).join(between) + more;
}

/** The same for machines: `paper` in W, VA and A of each phase. */
export function elementJson(topology: Topology): (element: Element) => unknown {
  const flow = paperFlow(topology);
  return (element) => ({
    ...element,
    consumer: topology.isConsumer(element),
    devices: topology.devicesIn(element.id),
    paper: flow.of(element.id),
    measured: measuredPower(topology, element.id),
  });
}
