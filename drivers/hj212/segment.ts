/**
 * The data segment of a frame (HJ 212-2017, section 6.3.3, table 3) and the answer to it.
 *
 *   QN=20160801085857223;ST=32;CN=2011;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&…&&
 *
 * Flag is a byte: bit 0 (A) an answer is wanted, bit 1 (D) the message is split and PNUM and PNO
 * are there, bits 2 to 7 the version of the standard, 1 for 2017 and 0 for 2005 (table 4).
 */

export interface Segment {
  /** Number of the request: local time to the ms; may be empty. */
  readonly request: string;
  /** System: 22 ambient air, 31 air pollution source … */
  readonly system: string;
  readonly command: string;
  readonly password: string;
  /** Number of the station. */
  readonly station: string;
  readonly flag: number;
  /** Of a split message: how many packets, and which is this, from 1. */
  readonly packets: number;
  readonly packet: number;
  /** What stands between the two `&&`. */
  readonly content: string;
}

const wantsAnswerBit = 1;
const splitBit = 2;
/** Bits of the version: an answer speaks the one it was asked in. */
const versionBits = 0xfc;

/** A segment, or undefined when it is none. [HJ-212-2017 6.3.3] */
export function parseSegment(data: string): Segment | undefined {
  const begin = data.indexOf("CP=&&");
  const end = data.lastIndexOf("&&");
  if (begin === -1 || end < begin + "CP=&&".length) return undefined;
  const facts = new Map<string, string>();
  for (const pair of data.slice(0, begin).split(";")) {
    const at = pair.indexOf("=");
    if (at > 0) facts.set(pair.slice(0, at).trim().toUpperCase(), pair.slice(at + 1).trim());
  }
  const station = facts.get("MN") ?? "";
  const command = facts.get("CN") ?? "";
  if (station === "" || !/^\d{4}$/.test(command)) return undefined;
  const flag = wholeOf(facts.get("FLAG"), 0);
  const split = (flag & splitBit) !== 0;
  return {
    request: facts.get("QN") ?? "",
    system: facts.get("ST") ?? "",
    command,
    password: facts.get("PW") ?? "",
    station,
    flag,
    packets: split ? wholeOf(facts.get("PNUM"), 1) : 1,
    packet: split ? wholeOf(facts.get("PNO"), 1) : 1,
    content: data.slice(begin + "CP=&&".length, end),
  };
}

function wholeOf(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^\d{1,4}$/.test(text) ? Number(text) : otherwise;
}

export function wantsAnswer({ flag }: Segment): boolean {
  return (flag & wantsAnswerBit) !== 0;
}

/** Commands that only notify; all others from a station carry data. [HJ-212-2017 6.6.5] */
const notices: readonly string[] = ["1013", "2012", "2022", "2072"];

/** Answers of a station to us, whom nobody answers. */
const answers: readonly string[] = ["9011", "9012", "9013", "9014"];

/**
 * The data of the answer that stops the station from sending again: 9014 to data, 9013 to a notice,
 * in system 91. Undefined: none is wanted. [HJ-212-2017 6.4.3]
 */
export function answerTo(segment: Segment): string | undefined {
  const { request, password, station, command, flag } = segment;
  if (!wantsAnswer(segment) || answers.includes(command)) return undefined;
  const answer = notices.includes(command) ? "9013" : "9014";
  const version = flag & versionBits;
  const facts = `QN=${request};ST=91;CN=${answer};PW=${password};MN=${station};Flag=${version}`;
  return `${facts};CP=&&&&`;
}

/** What a station says of one factor: `Rtd` → `35.2`, `Flag` → `N`. */
export type FactorFacts = ReadonlyMap<string, string>;

export interface Content {
  /** `yyyyMMddHHmmss` in the station's own time, or empty. */
  readonly time: string;
  /** By code of the factor. */
  readonly factors: ReadonlyMap<string, FactorFacts>;
}

/** Most factors looked at in one message. */
const maxFactors = 500;

/** `DataTime=…;a34004-Rtd=35,a34004-Flag=N;…` [HJ-212-2017 6.3.4] */
export function parseContent(content: string): Content {
  const factors = new Map<string, Map<string, string>>();
  let time = "";
  for (const pair of content.split(/[;,]/)) {
    const [name = "", value = ""] = splitAt(pair, "=");
    if (name === "DataTime") time = value;
    const [code = "", fact = ""] = splitAt(name, "-");
    if (code === "" || fact === "") continue;
    const known = factors.get(code);
    if (known !== undefined) known.set(fact, value);
    else if (factors.size < maxFactors) factors.set(code, new Map([[fact, value]]));
  }
  return { time, factors };
}

function splitAt(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at === -1 ? [text.trim()] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

/**
 * The moment of a `DataTime`, or undefined when it is none.
 * @param zone how far the station's time is ahead of UTC @unit ms
 * @unit ms since 1970-01-01 UTC
 */
export function momentOf(time: string, zone: number): number | undefined {
  const digits = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})?$/.exec(time);
  if (digits === null) return undefined;
  const [year = 0, month = 1, day, hour, minute, second, ms] = digits
    .slice(1)
    .map((text) => (text === undefined ? 0 : Number(text)));
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  // Date takes 31 February for 3 March, and years below 100 for those of our century.
  const said = new Date(utc).toISOString().replaceAll(/[-:TZ.]/g, "");
  return said.startsWith(time) ? utc - zone : undefined;
}
