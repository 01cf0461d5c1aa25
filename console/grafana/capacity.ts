/**
 * The dashboard of a topology's capacity: its panels run the statements of `capacity queries`, so
 * they show the hub's own figures, of that span and not of the time chosen in Grafana.
 */
import type { Asked as Span, Questions, Statement } from "../../alerts/index.ts";
import { queryFile } from "../../alerts/index.ts";
import type { Dashboard, Drawn, Expression, Target } from "./dashboard.ts";
import { chosen, expressions, fixedDashboard } from "./dashboard.ts";

export function capacityDashboard(questions: Questions, site: string, span: Span): Dashboard {
  const { statements, untold } = queryFile("influxql", questions, { ...span, bucket: "" });
  const byName = new Map(statements.map((one) => [one.name, one]));
  const panels = questions.elements.flatMap(({ element }) =>
    kinds.flatMap(({ unit, names }): Drawn[] => {
      const found = names.flatMap((name) => byName.get(`${element.id} ${name}`) ?? []);
      return found.length === 0 ? [] : [figures(found, unit)];
    }),
  );
  return fixedDashboard(
    {
      name: `capacity-${site}`.slice(0, longestName),
      title: `rackstreet: capacity of ${site}`,
      about: "p95, peak, mean, share of windows with all meters, and what is left; interim PUE.",
    },
    [...pueOf(byName), ...panels, ...untoldOf(untold)],
  );
}

/** Grafana takes 40 characters of a uid, of which `rackstreet-` is a part. */
const longestName = 29;

/** What is told of an element in one panel: statements by their names behind its own. */
const kinds = [
  { unit: "watt", names: ["W", "W now"] },
  { unit: "voltamp", names: ["VA", "VA now"] },
  { unit: "amp", names: ["phases", "unbalance"] },
] as const;

function targetOf({ text }: Statement, at: number): Target {
  const refId = String.fromCodePoint(65 + at);
  return { refId, query: text, rawQuery: true, resultFormat: "time_series", alias: "$col" };
}

function figures(statements: readonly Statement[], unit: string): Drawn {
  const [title = "", ...rest] = (statements[0]?.about ?? "").split(", by ");
  const share = { id: "unit", value: "percentunit" };
  return {
    type: "stat",
    title,
    description: `By ${rest.join(", by ")}`,
    datasource: chosen,
    targets: statements.map(targetOf),
    width: 12,
    height: 4,
    fieldConfig: {
      defaults: { unit, color: { mode: "fixed", fixedColor: "text" } },
      overrides: ["coverage", "unbalance"].map((name) => ({
        matcher: { id: "byName", options: name },
        properties: [share],
      })),
    },
    options: { reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false } },
  };
}

/** Energy of both sides, and their ratio, which InfluxQL cannot form: Grafana does. */
function pueOf(statements: ReadonlyMap<string, Statement>): readonly Drawn[] {
  const [facility, it] = [statements.get("facility energy"), statements.get("it energy")];
  if (facility === undefined || it === undefined) return [];
  const hidden = [facility, it].map((one, at) => ({ ...targetOf(one, at), hide: true }));
  return [
    {
      type: "stat",
      title: "Interim PUE",
      description: `${facility.about} Over: ${it.about}`,
      datasource: chosen,
      targets: [
        ...hidden,
        last("C", "A"),
        last("D", "B"),
        { refId: "PUE", datasource: expressions, type: "math", expression: "$C / $D" },
      ],
      width: 6,
      height: 4,
      fieldConfig: { defaults: { unit: "none", decimals: 2 }, overrides: [] },
      options: { reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false } },
    },
  ];
}

/** The last value of another target. */
function last(refId: string, expression: string): Expression {
  return {
    refId,
    datasource: expressions,
    type: "reduce",
    expression,
    reducer: "last",
    hide: true,
  };
}

function untoldOf(untold: readonly string[]): readonly Drawn[] {
  if (untold.length === 0) return [];
  const content = ["Not told here:", "", ...untold.map((line) => `- ${line}`)].join("\n");
  const text = { mode: "markdown", content };
  const title = "What InfluxQL cannot tell";
  return [{ type: "text", title, description: "", width: 24, height: 8, options: text }];
}
