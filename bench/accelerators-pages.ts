/**
 * Pages of simulated accelerators in the form of dcgm-exporter: twelve fields of each card are
 * mapped, the other families only have to be passed over.
 */

/** Families that the profile maps: name, type, and the value of a card at a time in s. */
const mapped: readonly (readonly [string, string, (card: number, at: number) => string])[] = [
  ["DCGM_FI_DEV_SM_CLOCK", "gauge", (card, at) => `${1410 + 15 * wave(card, at, 17)}`],
  ["DCGM_FI_DEV_MEM_CLOCK", "gauge", () => "1593"],
  ["DCGM_FI_DEV_MEMORY_TEMP", "gauge", (card, at) => `${60 + wave(card, at, 61)}`],
  ["DCGM_FI_DEV_GPU_TEMP", "gauge", (card, at) => `${52 + wave(card, at, 47)}`],
  ["DCGM_FI_DEV_POWER_USAGE", "gauge", (card, at) => (380 + 13.117 * wave(card, at, 5)).toFixed(6)],
  [
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
    "counter",
    (card, at) => `${1_534_772_497_800 + card * 1_000_000 + Math.round(at * 380_000)}`,
  ],
  ["DCGM_FI_DEV_GPU_UTIL", "gauge", (card, at) => `${90 + wave(card, at, 7)}`],
  ["DCGM_FI_DEV_MEM_COPY_UTIL", "gauge", (card, at) => `${40 + wave(card, at, 11)}`],
  ["DCGM_FI_DEV_FB_FREE", "gauge", (card) => `${7216 + card}`],
  ["DCGM_FI_DEV_FB_USED", "gauge", (card) => `${73_780 - card}`],
  ["DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "gauge", (card, at) => ratio(wave(card, at, 13))],
  ["DCGM_FI_PROF_DRAM_ACTIVE", "gauge", (card, at) => ratio(wave(card, at, 23))],
];

/** Fields of the register that come of these: memory installed is the sum of two families. */
export const fieldsMapped = 12;

/** From 0 to 9, different for each card. */
function wave(card: number, at: number, period: number): number {
  return Math.floor((card * 7 + at) % period) % 10;
}

function ratio(value: number): string {
  return (value / 11).toFixed(6);
}

export interface PageShape {
  readonly node: string;
  readonly cards: number;
  /** Families beside those that are mapped. */
  readonly others: number;
}

/** One page at a time. @unit s */
export function pageOf({ node, cards, others }: PageShape, at: number): string {
  const lines: string[] = [];
  const blocks = Array.from({ length: cards }, (_, card) => labelsOf(node, card));
  for (const [name, type, value] of mapped) {
    lines.push(`# HELP ${name} As in the list of counters.`, `# TYPE ${name} ${type}`);
    for (const [card, block] of blocks.entries()) lines.push(`${name}${block} ${value(card, at)}`);
  }
  for (let other = 0; other < others; other += 1) {
    const name = `DCGM_FI_DEV_OTHER_${other}`;
    lines.push(`# HELP ${name} Something else.`, `# TYPE ${name} gauge`);
    for (const block of blocks) lines.push(`${name}${block} ${other}`);
  }
  return `${lines.join("\n")}\n`;
}

function labelsOf(node: string, card: number): string {
  const uuid = `GPU-${node}-${String(card).padStart(4, "0")}-fef3-62e9-d92044ab6e52`;
  const bus = `00000000:${(16 + card).toString(16)}:00.0`;
  const what = `device="nvidia${card}",modelName="NVIDIA H100 80GB HBM3"`;
  const where = `Hostname="${node}",DCGM_FI_DRIVER_VERSION="535.129.03"`;
  return `{gpu="${card}",UUID="${uuid}",pci_bus_id="${bus}",${what},${where}}`;
}
