/** A commissioning report as Markdown that prints well. */
import { percent } from "./bus-load.ts";
import type { ReportDevice } from "./report-run.ts";
import { counted, headline } from "./values.ts";

export interface ReportHead {
  readonly config: string;
  readonly site: string;
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly version: string;
  readonly times: number;
  readonly buses: readonly ReportBus[];
}

/** How busy a bus is by the plan of its devices; nothing is measured. */
export interface ReportBus {
  readonly name: string;
  readonly devices: number;
  /** Share of its time. */
  readonly load: number;
  readonly verdict: string;
}

/** Values of a device in one line. */
const mostValues = 4;

/** The report's text. */
export function reportPage(head: ReportHead, devices: readonly ReportDevice[]): string {
  const silent = devices.filter(({ read }) => read === 0);
  const odd = devices.filter(({ remarks }) => remarks.length > 0);
  return [
    `# Commissioning report: ${head.site}`,
    "",
    `${head.date} · rackstreet ${head.version} · ${head.config} · ${head.times} readings each`,
    "",
    `${counted(devices.length, "device")}: ` +
      `${devices.length - silent.length} read, ${silent.length} gave nothing, ` +
      `${odd.length} with remarks.`,
    "",
    "## Devices",
    "",
    ...table(
      ["Device", "Place", "Profile", "Identified as", "Where"],
      devices.map((one) => [
        one.id,
        [one.zone, one.rack].filter((text) => text !== undefined).join(" "),
        one.profile ?? one.driver,
        identifiedAs(one),
        one.where,
      ]),
    ),
    "",
    "## Answers",
    "",
    "Times are from the end of a request to the end of its answer, of one question.",
    "",
    ...table(
      ["Device", "Asked", "Right", "Silent", "Damaged", "Min", "Mean", "p99", "Whole reading"],
      devices.map(answerRow),
      1,
    ),
    "",
    ...busLines(head.buses),
    "## Values",
    "",
    ...table(
      ["Device", "Read", "Values", "Faults"],
      devices.map((one) => [
        one.id,
        `${one.read} of ${one.tried}`,
        headline(one.points, mostValues),
        Object.entries(one.faults)
          .map(([code, count]) => `${code} ${count}`)
          .join(", "),
      ]),
    ),
    "",
    "## Remarks",
    "",
    ...(odd.length === 0 ? ["None."] : odd.flatMap(remarkLines)),
    "",
  ].join("\n");
}

function busLines(buses: readonly ReportBus[]): string[] {
  if (buses.length === 0) return [];
  const rows = buses.map(({ name, devices, load, verdict }) => [
    name,
    String(devices),
    percent(load),
    verdict,
  ]);
  const head = ["Bus", "Devices", "Load", "Verdict"];
  return ["## Buses", "", "Load as planned (`rackstreet plan`).", "", ...table(head, rows), ""];
}

function identifiedAs({ inspection }: ReportDevice): string {
  if (inspection === undefined) return "–";
  const [best] = inspection.identity.candidates;
  const texts = Object.values(inspection.identity.objects).join(", ");
  if (best === undefined) return texts === "" ? "?" : texts;
  return `${best.profile} (${best.certainty})${texts === "" ? "" : `: ${texts}`}`;
}

function answerRow({ id, inspection, readingMs }: ReportDevice): string[] {
  const reading = shownMs(readingMs);
  if (inspection === undefined) return [id, "–", "–", "–", "–", "–", "–", "–", reading];
  const { asked, answered, silent, damaged } = inspection;
  const { min, mean, p99 } = spreadOf(inspection.took);
  const counts = [asked, answered, silent, damaged].map(String);
  return [id, ...counts, shownMs(min), shownMs(mean), shownMs(p99), reading];
}

export interface Spread {
  readonly min: number | undefined;
  readonly mean: number | undefined;
  readonly p99: number | undefined;
}

/** Smallest, mean and 99th percentile (of few values the largest). */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { min: undefined, mean: undefined, p99: undefined };
  const sorted = values.toSorted((a, b) => a - b);
  return {
    min: sorted[0],
    mean: values.reduce((a, b) => a + b, 0) / values.length,
    p99: sorted[Math.ceil(0.99 * sorted.length) - 1],
  };
}

function shownMs(ms: number | undefined): string {
  return ms === undefined ? "–" : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

function remarkLines({ id, remarks }: ReportDevice): string[] {
  return remarks.map((remark) => `- **${id}**: ${escaped(remark)}`);
}

/** Columns from `numbers` on stand to the right. */
function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numbers = head.length,
): string[] {
  const rule = head.map((_, index) => (index >= numbers ? "---:" : "---"));
  return [tableRow(head), `| ${rule.join(" | ")} |`, ...rows.map(tableRow)];
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map(escaped).join(" | ")} |`;
}

/** A cell is one line, whatever a device calls itself. */
function escaped(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ").replaceAll("|", "\\|");
}
