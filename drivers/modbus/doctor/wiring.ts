/** Causes in copper and in the settings of the line. Pure. */
import type { Disturbance } from "./disturbance.ts";
import { disturbanceOf } from "./disturbance.ts";
import type { OtherSettings } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import type { Judged } from "./judge.ts";
import type { Picture } from "./picture.ts";
import { hasMaster, of, rising, share } from "./picture.ts";

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
  const seen = `${of(marked.length, judged.length)} requests end in ${bytes.join(", ")} at once`;
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

/** Bytes on the idle line, while frames are spoilt at their edges at most. */
export function bias(picture: Picture): Finding[] {
  const { evidence, idle } = picture;
  if (evidence.wire === "tcp" || hasMaster(picture)) return [];
  const disturbance = disturbanceOf(picture);
  const { idleEvents, count, floating } = disturbance;
  if (idleEvents < 2 || isDeaf(picture)) return [];
  const seconds = disturbance.idleTime.toFixed(1);
  const lines = [
    `${idle.length} bytes in ${seconds} s when nobody was asked`,
    count === 0
      ? "no reply was spoilt"
      : `${count} replies were spoilt, fewer than as many a second`,
  ];
  const likelihood = 0.97 * floating * rising(idleEvents, 1.5);
  return [{ cause: "bias", likelihood, evidence: lines }];
}

/** Wrong bits inside replies of far units, on a line that is quiet when idle. */
export function termination(picture: Picture): Finding[] {
  if (picture.evidence.wire === "tcp" || isDeaf(picture)) return [];
  const disturbance = disturbanceOf(picture);
  if (disturbance.count === 0) return [];
  const likelihood = 0.97 * disturbance.reflections * rising(disturbance.count, 0.8);
  const lines = [
    ...damageLines(disturbance, picture),
    ...(disturbance.places >= 4 && disturbance.gathered > 1.5
      ? ["wrong bytes stand at the same places of a reply again and again"]
      : []),
    ...(disturbance.idleEvents === 0 ? ["the line is quiet when idle"] : []),
  ];
  return [{ cause: "termination", likelihood, evidence: lines }];
}

/** Wrong bits anywhere: on the idle line and inside the replies of all units. */
export function noise(picture: Picture): Finding[] {
  if (picture.evidence.wire === "tcp" || isDeaf(picture)) return [];
  const disturbance = disturbanceOf(picture);
  const { count, idleEvents, idleTime } = disturbance;
  if (count === 0) return [];
  const likelihood = 0.97 * disturbance.interference * rising(count, 0.8);
  const lines = [
    ...damageLines(disturbance, picture),
    ...(idleEvents > 0
      ? [`${idleEvents} disturbances in ${idleTime.toFixed(1)} s of silence`]
      : []),
  ];
  return [{ cause: "noise", likelihood, evidence: lines }];
}

function damageLines({ count }: Disturbance, { units, judged }: Picture): string[] {
  const rates = units.map(({ unit, all }) => `unit ${unit} ${of(all.broken, all.tried)}`);
  const sum = (key: "short" | "long", what: "broken" | "tried"): number =>
    units.reduce((total, unit) => total + unit[key][what], 0);
  const percent = (key: "short" | "long"): number =>
    Math.round(share(sum(key, "broken"), sum(key, "tried")) * 100);
  return [
    `${of(count, judged.length)} replies are spoilt (${rates.join(", ")})`,
    `short ones ${percent("short")} %, long ones ${percent("long")} %`,
  ];
}

/** Another speed answers, or what is heard has bits that are too long. */
export function baud(picture: Picture): Finding[] {
  const { evidence, elsewhere, idle, judged } = picture;
  const { settings } = evidence;
  if (settings === undefined) return [];
  const right = elsewhere.find((other) => other.settings.baud !== settings.baud);
  if (right !== undefined) {
    const { baud: speed, parity, dataBits, stopBits } = right.settings;
    const form = `${speed} ${dataBits}${parity[0]?.toUpperCase()}${stopBits}`;
    const lines = [`unit ${unitsOf(right)} answers at ${form}`];
    return [{ cause: "baud", likelihood: 0.98, evidence: lines }];
  }
  if (!isDeaf(picture)) return [];
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
  if (settings === undefined) return [];
  const right = elsewhere.find(
    (other) => other.settings.baud === settings.baud && other.settings.parity !== settings.parity,
  );
  if (right === undefined) return isDeaf(picture) ? unsettled(picture, "parity", 0.25) : [];
  const how = `${right.settings.parity} parity at the same speed`;
  const seen = `unit ${unitsOf(right)} answers with ${how}`;
  return [{ cause: "parity", likelihood: 0.98, evidence: [seen] }];
}

function unitsOf({ trials }: OtherSettings): string {
  const units = trials.filter(({ chunks }) => chunks.length > 0).map(({ unit }) => unit);
  return [...new Set(units)].join(", ");
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
