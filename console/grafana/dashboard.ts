/**
 * Grafana dashboards as values (schema version 39, which every Grafana from 10.4 on takes or
 * lifts): only what ours use of it. The queries are InfluxQL, for the InfluxDB data source.
 */

export interface Target {
  readonly refId: string;
  readonly query: string;
  readonly rawQuery: true;
  readonly resultFormat: "time_series" | "table";
  /** `$tag_NAME`, `$col` and `$m` stand for what the series is of. */
  readonly alias?: string;
  readonly hide?: boolean;
}

/** Made by Grafana itself of other targets' answers. */
export interface Expression {
  readonly refId: string;
  readonly datasource: typeof expressions;
  readonly type: "math" | "reduce";
  readonly expression: string;
  readonly reducer?: "last";
  readonly hide?: boolean;
}

export interface Step {
  readonly color: string;
  readonly value: number | null;
}

/** How values are shown. */
export interface FieldDefaults {
  readonly unit: string;
  readonly decimals?: number;
  readonly color?: { readonly mode: "fixed"; readonly fixedColor: string };
  /** What only one type of panel knows. */
  readonly custom?: Readonly<Record<string, unknown>>;
  readonly thresholds?: { readonly mode: "absolute"; readonly steps: readonly Step[] };
  readonly mappings?: readonly Mapping[];
}

/** Words for numbers, in this order. */
export interface Mapping {
  readonly type: "value";
  readonly options: Readonly<Record<string, { readonly text: string; readonly index: number }>>;
}

/** Another look of one column. */
export interface Override {
  readonly matcher: { readonly id: "byName"; readonly options: string };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
}

export interface Panel {
  readonly id: number;
  readonly type: "timeseries" | "stat" | "state-timeline" | "text";
  readonly title: string;
  readonly description: string;
  readonly datasource?: { readonly type: "influxdb"; readonly uid: string };
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly (Target | Expression)[];
  readonly fieldConfig?: {
    readonly defaults: FieldDefaults;
    readonly overrides: readonly Override[];
  };
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly type: "datasource" | "query";
  readonly query: string;
  readonly datasource?: { readonly type: "influxdb"; readonly uid: string };
  readonly refresh: 1 | 2;
  readonly includeAll?: boolean;
  readonly multi?: boolean;
  readonly allValue?: string;
  readonly sort?: 1;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly schemaVersion: 39;
  readonly editable: true;
  readonly timezone: "browser";
  readonly refresh: string;
  readonly time: { readonly from: string; readonly to: string };
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

/** The data source that the person who looks has chosen. */
export const chosen = { type: "influxdb", uid: "${source}" } as const;

/** Where Grafana reckons by itself. */
export const expressions = { type: "__expr__", uid: "__expr__" } as const;

/** A panel before it has its place. */
export type Drawn = Omit<Panel, "id" | "gridPos"> & {
  /** Of 24. */
  readonly width: number;
  /** In rows of 30 pixels. */
  readonly height: number;
};

/** Panels from left to right, and on below. */
export function placed(panels: readonly Drawn[]): readonly Panel[] {
  let [x, y, tallest] = [0, 0, 0];
  return panels.map(({ width, height, ...panel }, at): Panel => {
    if (x + width > 24) [x, y, tallest] = [0, y + tallest, 0];
    const gridPos = { x, y, w: width, h: height };
    x += width;
    tallest = Math.max(tallest, height);
    return { id: at + 1, ...panel, gridPos };
  });
}

const source: Variable = {
  name: "source",
  label: "Data source",
  type: "datasource",
  query: "influxdb",
  refresh: 1,
};

/** A choice among the values of a tag, narrowed by the choices before it. */
function tagVariable(tag: string, before: readonly string[], from: string): Variable {
  const narrowed = before.map((one) => `"${one}" =~ /^$${one}$/`).join(" AND ");
  const where = narrowed === "" ? "" : ` WHERE ${narrowed}`;
  return {
    name: tag,
    label: tag,
    type: "query",
    query: `SHOW TAG VALUES${from} WITH KEY = "${tag}"${where}`,
    datasource: chosen,
    refresh: 2,
    includeAll: true,
    multi: true,
    allValue: ".*",
    sort: 1,
  };
}

const places = ["region", "org", "site"] as const;

/** The tags of a place that a person may choose among, besides region, org and site. */
export interface Choices {
  readonly tags: readonly ("zone" | "rack" | "device" | "sensor")[];
}

/** A dashboard about rows of the places chosen. */
export function dashboardOf(
  { name, title, about }: { readonly name: string; readonly title: string; readonly about: string },
  { tags }: Choices,
  panels: readonly Drawn[],
): Dashboard {
  const all = [...places, ...tags];
  const variables = all.map((tag, at) => {
    const from = tag === "sensor" ? ' FROM "thermal"' : "";
    return tagVariable(tag, all.slice(0, Math.min(at, places.length)), from);
  });
  return dashboardWith({ name, title, about }, [source, ...variables], panels);
}

/** A dashboard whose queries say themselves what they are about. */
export function fixedDashboard(
  titled: { readonly name: string; readonly title: string; readonly about: string },
  panels: readonly Drawn[],
): Dashboard {
  return dashboardWith(titled, [source], panels);
}

function dashboardWith(
  { name, title, about }: { readonly name: string; readonly title: string; readonly about: string },
  list: readonly Variable[],
  panels: readonly Drawn[],
): Dashboard {
  return {
    uid: `rackstreet-${name}`,
    title,
    description: about,
    tags: ["rackstreet"],
    schemaVersion: 39,
    editable: true,
    timezone: "browser",
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    templating: { list },
    panels: placed(panels),
  };
}
