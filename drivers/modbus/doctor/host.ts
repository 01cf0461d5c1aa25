/** Causes on this side of the wire and in networks. Pure. */
import type { Code } from "../../../telemetry/index.ts";
import type { CauseName, Finding } from "./finding.ts";
import type { Judged } from "./judge.ts";
import type { Picture, UnitPicture } from "./picture.ts";
import { of, rising, share } from "./picture.ts";

const byCode: Partial<Record<Code, CauseName>> = {
  E_SERIAL_MISSING: "unplugged",
  E_SERIAL_BUSY: "held",
  E_SERIAL_PERMISSION: "permission",
  E_CONNECT: "unreachable",
};

/** The line did not open, or went away. */
export function opening({ evidence, judged }: Picture): Finding[] {
  const { failure, wire } = evidence;
  if (failure !== undefined) {
    const cause = byCode[failure.code] ?? (wire === "serial" ? "unplugged" : "unreachable");
    return [{ cause, likelihood: 0.99, evidence: [failure.message] }];
  }
  const lost = judged.filter(
    (one) => one.failure === "E_DISCONNECTED" || one.failure === "E_SERIAL",
  );
  if (wire !== "serial" || lost.length === 0) return [];
  const seen = [`the port went away while ${of(lost.length, judged.length)} requests were out`];
  return [{ cause: "unplugged", likelihood: 0.97, evidence: seen }];
}

const pathUnavailable = 10;
const targetSilent = 11;

/** A gateway says itself that its side fails. [MODBUS-AP 7] */
export function gateway({ units }: Picture): Finding[] {
  return units.flatMap(({ unit, judged }) => {
    const path = judged.filter(({ exception }) => exception === pathUnavailable).length;
    const target = judged.filter(({ exception }) => exception === targetSilent).length;
    if (path + target === 0) return [];
    const evidence = [
      ...(path > 0
        ? [`unit ${unit}: exception 10 (no path to it) ${of(path, judged.length)} times`]
        : []),
      ...(target > 0
        ? [`unit ${unit}: exception 11 (target silent) ${of(target, judged.length)} times`]
        : []),
    ];
    const often = share(path + target, judged.length);
    return [{ cause: "gateway" as const, likelihood: 0.7 + 0.28 * often, evidence }];
  });
}

/** A connection that answered, fell silent, and a new one that answers. */
export function halfOpen({ evidence, units }: Picture): Finding[] {
  if (evidence.wire === "serial") return [];
  return units.flatMap((unit) => {
    const turns = turnsOf(unit);
    if (turns === 0) return [];
    const seen = `unit ${unit.unit}: silent on an old connection, and at once there on a new one`;
    const evidence = [`${seen}, ${turns === 1 ? "once" : `${turns} times`}`];
    return [{ cause: "halfopen" as const, likelihood: 0.8 + 0.18 * rising(turns, 1), evidence }];
  });
}

/** How often silence at the end of one connection was followed by an answer on the next. */
function turnsOf({ judged }: UnitPicture): number {
  let turns = 0;
  for (const [index, one] of judged.entries()) {
    const before = judged[index - 1];
    if (before === undefined || before.connection === one.connection) continue;
    const silent = before.outcome === "silent";
    if (silent && isAnswer(one) && judged.some((other) => isOlderAnswer(other, before))) turns += 1;
  }
  return turns;
}

function isAnswer({ outcome }: Judged): boolean {
  return outcome === "ok" || outcome === "exception";
}

function isOlderAnswer(one: Judged, before: Judged): boolean {
  return one.connection === before.connection && isAnswer(one) && one.at < before.at;
}

/** What FTDI adapters come with. @unit ms */
const usualTimer = 16;
/** A timer above this costs more than frames on a fast line take. @unit ms */
const slowTimer = 4;
const fewestArrivals = 8;

/** Bytes come on a grid of 16 ms whatever is asked. */
export function latency({ evidence, judged }: Picture): Finding[] {
  if (evidence.wire !== "serial") return [];
  const arrivals = judged.flatMap(({ at, chunks, outcome, quick }) => {
    const [first] = chunks;
    return first === undefined || outcome === "silent" || quick ? [] : [at + first.at];
  });
  const gathered = concentration(arrivals, usualTimer);
  const seen = gathered > 0.75 && arrivals.length >= fewestArrivals;
  const { latencyTimer = 0 } = evidence;
  if (!seen && latencyTimer <= slowTimer) return [];
  const lines = [
    ...(seen ? [`replies arrive on a grid of ${usualTimer} ms, ${arrivals.length} of them`] : []),
    ...(latencyTimer > slowTimer ? [`the system says: latency_timer is ${latencyTimer} ms`] : []),
  ];
  const likelihood = seen && latencyTimer > slowTimer ? 0.95 : seen ? 0.55 + 0.4 * gathered : 0.8;
  return [{ cause: "latency", likelihood, evidence: lines }];
}

/** How much times gather at one phase of a period: 0 anywhere, 1 all at one. */
export function concentration(times: readonly number[], period: number): number {
  if (times.length === 0) return 0;
  let [x, y] = [0, 0];
  for (const time of times) {
    const angle = (2 * Math.PI * time) / period;
    x += Math.cos(angle);
    y += Math.sin(angle);
  }
  return Math.hypot(x, y) / times.length;
}
