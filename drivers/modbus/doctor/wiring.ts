/** Causes in copper and in the settings of the line. Pure. */
import type { Finding } from "./finding.ts";
import type { Judged } from "./judge.ts";
import type { Picture } from "./picture.ts";
import { damagedPlaces, of, rising, share } from "./picture.ts";

/** A line that never gave a valid frame, from anybody. */
function isDeaf({ all, foreign }: Picture): boolean {
  return all.answered + all.late + all.headless === 0 && foreign.length === 0;
}

/** Reversed bytes that a receiver gives for a line held low, or one that has just been let go. */
const breakBytes: ReadonlySet<number> = new Set([0x00, 0xff, 0x80, 0xfe, 0xfc, 0xf8, 0xf0]);

/** Bytes that come before any device can have answered. @unit characters */
const promptCharacters = 8;

/** What USB adds. @unit ms */
const adapterDelay = 20;

/** Every request leaves the same few bytes of a line that rests at the wrong level. */
export function swapped(picture: Picture): Finding[] {
  const { evidence, judged, elsewhere } = picture;
  if (evidence.wire === "tcp" || !isDeaf(picture) || elsewhere.length > 0) return [];
  const marked = judged.filter((one) => isRelease(one, evidence.character));
  const often = share(marked.length, judged.length);
  if (marked.length < 2 || often < 0.5) return [];
  const bytes = [...new Set(marked.flatMap((one) => [...one.bytes]))].map(hex).slice(0, 4);
  const seen = `${of(marked.length, judged.length)} requests are followed at once by ${bytes.join(", ")}`;
  const lines = [`${seen}: the line rests at the wrong level`, "no valid frame from any unit"];
  return [{ cause: "swapped", likelihood: 0.55 + 0.42 * often, evidence: lines }];
}

/** One or two bytes right behind the request, of a level rather than of a frame. */
function isRelease({ bytes, chunks, frame, echo }: Judged, character: number): boolean {
  const [first] = chunks;
  if (echo || first === undefined || bytes.length > 3) return false;
  const prompt = first.at <= (frame.length + promptCharacters) * character + adapterDelay;
  return prompt && [...bytes].every((byte) => breakBytes.has(byte));
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}

/** Idle bytes and bytes around frames, while what is inside frames is whole. */
export function bias(picture: Picture): Finding[] {
  const { evidence, judged, idle, foreign, all } = picture;
  if (evidence.wire === "tcp" || foreign.some(({ kind }) => kind === "request")) return [];
  const hurt = hurtOf(picture);
  if (isDeaf(picture) && all.silent < all.tried) {
    return idle.length < 3 ? [] : [floating(picture, 0.35, [])];
  }
  const replies = judged.filter(({ reply }) => reply !== undefined);
  const framed = replies.filter(({ leading, trailing }) => leading + trailing > 0);
  if (idle.length === 0 && framed.length === 0) return [];
  const edges = share(framed.length, replies.length);
  const rate = idle.length / Math.max(1, evidence.listening.duration / 1000);
  // Interference that reaches an idle line reaches frames as well, the longer the more.
  const inside = hurt.inside / Math.max(1, hurt.inside + hurt.edge + framed.length);
  const sure = Math.max(rising(edges, 0.08), rising(rate, 2));
  const likelihood = 0.95 * sure * (1 - inside);
  const lines = [
    ...(framed.length > 0
      ? [`${of(framed.length, replies.length)} good replies have stray bytes before or behind them`]
      : []),
    ...(hurt.inside === 0 ? ["no reply was damaged inside"] : []),
  ];
  return likelihood < 0.1 ? [] : [floating(picture, likelihood, lines)];
}

function floating({ idle, evidence }: Picture, likelihood: number, lines: string[]): Finding {
  const seconds = (evidence.listening.duration / 1000).toFixed(1);
  const heard =
    idle.length > 0 ? [`${idle.length} bytes in ${seconds} s when nobody was asked`] : [];
  return { cause: "bias", likelihood, evidence: [...heard, ...lines] };
}

/** How replies are hurt: inside a frame of the right length, or at its edges. */
function hurtOf({ judged }: Picture): { readonly inside: number; readonly edge: number } {
  const inside = judged.filter(({ outcome }) => outcome === "damaged").length;
  const edge = judged.filter(({ outcome }) => outcome === "garbage").length;
  return { inside, edge };
}

/** What wrong bits inside replies have in common. */
interface Damage {
  readonly tried: number;
  readonly damaged: number;
  /** How much likelier a byte of a long reply is hurt at the usual places than by chance. */
  readonly gathered: number;
  readonly places: number;
  /** How unevenly units are hit. @range 0 to 1 */
  readonly uneven: number;
  readonly shortShare: number;
  readonly longShare: number;
}

function damageOf({ judged, units }: Picture): Damage {
  const wrong = ({ outcome }: Judged): boolean => outcome === "damaged" || outcome === "garbage";
  const damaged = judged.filter(wrong).length;
  const rates = units.map(({ all }) => share(all.broken, all.tried));
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / Math.max(1, rates.length);
  const uneven =
    mean === 0 ? 0 : (Math.max(...rates, 0) - Math.min(...rates, 1)) / Math.max(...rates);
  const sum = (key: "short" | "long", what: "broken" | "tried"): number =>
    units.reduce((total, unit) => total + unit[key][what], 0);
  const perUnit = units.map(({ judged: own }) => gatheringOf(own));
  const weight = perUnit.reduce((total, { places }) => total + places, 0);
  const gathered =
    perUnit.reduce((total, one) => total + one.gathered * one.places, 0) / Math.max(1, weight);
  return {
    tried: judged.length,
    damaged,
    gathered,
    places: weight,
    uneven,
    shortShare: share(sum("short", "broken"), sum("short", "tried")),
    longShare: share(sum("long", "broken"), sum("long", "tried")),
  };
}

/** Pairs of wrong bytes at one place, against what chance gives for as many places. */
function gatheringOf(judged: readonly Judged[]): {
  readonly gathered: number;
  readonly places: number;
} {
  const long = judged.filter((one) => one.long);
  const places = damagedPlaces(long);
  const width = long[0]?.expected ?? 1;
  const counts = new Map<number, number>();
  for (const place of places) counts.set(place, (counts.get(place) ?? 0) + 1);
  const pairs = [...counts.values()].reduce((sum, count) => sum + (count * (count - 1)) / 2, 0);
  const chance = (places.length * (places.length - 1)) / 2 / width;
  return { gathered: chance === 0 ? 1 : pairs / chance, places: places.length };
}

/** Wrong bits at the same places again and again, on a line that is quiet when idle. */
export function termination(picture: Picture): Finding[] {
  const { evidence, idle } = picture;
  if (evidence.wire === "tcp" || isDeaf(picture)) return [];
  const damage = damageOf(picture);
  if (damage.damaged === 0) return [];
  const repeats = damage.places < 4 ? 0.3 : rising(damage.gathered - 1, 1.5);
  const quiet = 1 / (1 + idle.length);
  const fast = rising(evidence.settings?.baud ?? 9600, 19_200);
  const pull = 0.55 * repeats + 0.2 * damage.uneven + 0.25 * fast;
  const likelihood = strengthOf(damage) * Math.min(0.97, pull * 1.25) * (0.35 + 0.65 * quiet);
  const lines = [
    ...damageLines(damage, picture),
    ...(damage.places >= 4 && damage.gathered > 2
      ? ["wrong bytes stand at the same places of a reply again and again"]
      : []),
    ...(idle.length === 0 ? ["the line is quiet when idle"] : []),
  ];
  return [{ cause: "termination", likelihood, evidence: lines }];
}

/** Wrong bits anywhere, at every unit, in proportion to length. */
export function noise(picture: Picture): Finding[] {
  const { evidence, idle } = picture;
  if (evidence.wire === "tcp" || isDeaf(picture)) return [];
  const damage = damageOf(picture);
  if (damage.damaged === 0) return [];
  const anywhere = damage.places < 4 ? 0.6 : 1 - rising(damage.gathered - 1, 2);
  const everywhere = 1 - damage.uneven * 0.5;
  const heard = Math.min(1, idle.length / 2);
  const pull = 0.5 * anywhere + 0.25 * everywhere + 0.25 * heard;
  const { inside, edge } = hurtOf(picture);
  const likelihood = strengthOf(damage) * pull * (0.4 + 0.6 * share(inside, inside + edge));
  const seconds = (evidence.listening.duration / 1000).toFixed(1);
  const lines = [
    ...damageLines(damage, picture),
    ...(damage.places >= 4 ? ["wrong bytes stand anywhere in a reply"] : []),
    ...(idle.length > 0 ? [`${idle.length} stray bytes in ${seconds} s of silence`] : []),
  ];
  return [{ cause: "noise", likelihood, evidence: lines }];
}

/** One damaged reply may be chance, a few are a fault. */
function strengthOf({ damaged }: Damage): number {
  return 0.35 + 0.65 * rising(damaged, 1.5);
}

function damageLines(damage: Damage, { units }: Picture): string[] {
  const { damaged, tried, shortShare, longShare } = damage;
  const rates = units.map(({ unit, all }) => `unit ${unit} ${of(all.broken, all.tried)}`);
  return [
    `${of(damaged, tried)} replies are damaged (${rates.join(", ")})`,
    `short ones ${Math.round(shortShare * 100)} %, long ones ${Math.round(longShare * 100)} %`,
  ];
}

/** Another speed answers, or what is heard has bits that are too long. */
export function baud(picture: Picture): Finding[] {
  const { evidence, elsewhere, idle, judged } = picture;
  const { settings } = evidence;
  if (settings === undefined || !isDeaf(picture)) return [];
  const right = elsewhere.find((other) => other.settings.baud !== settings.baud);
  if (right !== undefined) {
    const { baud: speed, parity, dataBits, stopBits } = right.settings;
    const form = `${speed} ${dataBits}${parity[0]?.toUpperCase()}${stopBits}`;
    return [{ cause: "baud", likelihood: 0.98, evidence: [`a unit answers at ${form}`] }];
  }
  const heard = Uint8Array.from([...idle, ...judged.flatMap(({ bytes }) => [...bytes])]);
  if (heard.length < 8) return unsettled(picture, "baud", 0.3);
  const stretched = [...heard].filter(isStretched).length / heard.length;
  const lines = [
    `${heard.length} bytes were heard, and no valid frame among them`,
    `${Math.round(stretched * 100)} % of them look stretched: bits in pairs and more`,
  ];
  return [
    { cause: "baud", likelihood: 0.45 + 0.4 * rising(stretched - 0.2, 0.4), evidence: lines },
  ];
}

/** Another parity answers. */
export function parity(picture: Picture): Finding[] {
  const { evidence, elsewhere } = picture;
  const { settings } = evidence;
  if (settings === undefined || !isDeaf(picture)) return [];
  const right = elsewhere.find(
    (other) => other.settings.baud === settings.baud && other.settings.parity !== settings.parity,
  );
  if (right === undefined) return unsettled(picture, "parity", 0.25);
  const seen = `a unit answers with ${right.settings.parity} parity at the same speed`;
  return [{ cause: "parity", likelihood: 0.98, evidence: [seen] }];
}

/** Silence alone may be this too, unless others were tried. */
function unsettled(
  { evidence, all }: Picture,
  cause: "baud" | "parity",
  likelihood: number,
): Finding[] {
  if (evidence.wire !== "serial" || evidence.others.length > 0 || all.tried === 0) return [];
  const lines = ["no unit answers: `--deep` tries other settings"];
  return [{ cause, likelihood, evidence: lines }];
}

/** A byte, its start bit before it, in which no bit stands alone: bits were longer than ours. */
export function isStretched(byte: number): boolean {
  const bits = [0, ...Array.from({ length: 8 }, (_, at) => (byte >> at) & 1)];
  let run = 1;
  for (let at = 1; at < bits.length; at += 1) {
    if (bits[at] === bits[at - 1]) {
      run += 1;
    } else {
      if (run < 2) return false;
      run = 1;
    }
  }
  return true;
}
