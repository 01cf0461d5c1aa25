/** Causes that lie with devices and masters: who answers, when, and who else does. Pure. */
import type { Finding } from "./finding.ts";
import type { Judged } from "./judge.ts";
import type { Picture, UnitPicture } from "./picture.ts";
import { of, rising, share } from "./picture.ts";

/** Requests that nobody here sent. */
export function master({ foreign, evidence }: Picture): Finding[] {
  const requests = foreign.filter(({ kind }) => kind === "request");
  if (requests.length === 0) return [];
  const units = [...new Set(requests.map(({ unit }) => unit))].slice(0, 5).join(", ");
  const { duration } = evidence.listening;
  const seen = `${requests.length} valid requests to unit ${units} that are not ours`;
  const listened = `${(duration / 1000).toFixed(1)} s of listening included`;
  // One alone may be chance: a place in 65,536 fits.
  const likelihood = requests.length === 1 ? 0.25 : 0.8 + 0.19 * rising(requests.length - 1, 1);
  return [{ cause: "master", likelihood, evidence: [`${seen} (${listened})`] }];
}

/** The request comes back before the reply. */
export function echo({ judged }: Picture): Finding[] {
  const echoed = judged.filter((one) => one.echo).length;
  if (share(echoed, judged.length) < 0.5) return [];
  const evidence = [`${of(echoed, judged.length)} requests came back byte for byte`];
  return [{ cause: "echo", likelihood: 0.9 + 0.08 * share(echoed, judged.length), evidence }];
}

/** Units that never said a word, where others do. */
export function dead({ units, elsewhere }: Picture): Finding[] {
  const silent = units.filter(isDumb);
  if (silent.length === 0 || elsewhere.length > 0) return [];
  const talking = units.filter(({ all }) => all.answered + all.late > 0);
  return silent.map(({ unit, all }) => {
    const seen = `unit ${unit}: silent ${of(all.silent, all.tried)} times`;
    const others = talking.map((one) => one.unit).join(", ");
    const beside =
      talking.length > 0 ? `, while unit ${others} answers` : ", as is every unit asked";
    const likelihood = talking.length > 0 ? 0.95 : 0.6;
    return { cause: "dead", likelihood, evidence: [seen + beside] } as const;
  });
}

/** Never a byte that could be of a reply. */
function isDumb({ all, judged }: UnitPicture): boolean {
  return (
    all.tried > 0 && all.silent === all.tried && judged.every(({ bytes }) => bytes.length === 0)
  );
}

/** Valid replies that came too late. */
export function slow({ units, evidence }: Picture): Finding[] {
  return units.flatMap(({ unit, judged, all }) => {
    const late = judged.filter(({ outcome }) => outcome === "late");
    if (late.length === 0) return [];
    const times = late.map(({ latency = 0 }) => Math.round(latency)).toSorted((a, b) => a - b);
    const seen = `unit ${unit}: ${of(late.length, all.tried)} replies came after the timeout`;
    const when = `after ${times[0]} to ${times.at(-1)} ms, the limit is ${evidence.timeout} ms`;
    const likelihood = 0.7 + 0.29 * rising(late.length, 1);
    return [{ cause: "slow" as const, likelihood, evidence: [`${seen}: ${when}`] }];
  });
}

/** Exceptions that say "not now". [MODBUS-AP 7] */
function isBusy({ exception }: Judged): boolean {
  return exception === 5 || exception === 6;
}

/** Requests right behind a reply fail, others do not. */
export function hasty({ units }: Picture): Finding[] {
  return units.flatMap(({ unit, quick, slow, judged }) => {
    const busy = (wanted: boolean): number =>
      judged.filter((one) => one.quick === wanted && isBusy(one)).length;
    const failsQuick = share(quick.silent + busy(true), quick.tried);
    const failsSlow = share(slow.silent + busy(false), slow.tried);
    if (quick.tried < 3 || failsQuick < 0.4 || failsQuick - failsSlow < 0.35) return [];
    const seen = `unit ${unit}: ${of(quick.silent + busy(true), quick.tried)} requests just behind`;
    const beside = `a reply failed, ${of(slow.silent + busy(false), slow.tried)} after a silence`;
    const likelihood = 0.5 + 0.48 * (failsQuick - failsSlow);
    return [{ cause: "hasty" as const, likelihood, evidence: [`${seen} ${beside}`] }];
  });
}

/** The head of replies is missing, or garbled because the receiver came in between two bits. */
export function turnaround({ units }: Picture): Finding[] {
  return units.flatMap(({ unit, all, judged }) => {
    const garbled = judged.filter(isGarbledHead).length;
    const count = all.headless + garbled;
    if (count === 0) return [];
    // A disturbance hits the head now and then, and more often the rest.
    const only = share(count, all.broken);
    const often = Math.min(1, share(count, all.tried) / usualCut);
    const proved = all.headless > 0 ? 1 : 0.85;
    const likelihood = (0.7 + 0.29 * rising(count, 0.5)) * only * only * often * proved;
    const evidence = [
      ...(all.headless > 0
        ? [
            `unit ${unit}: ${of(all.headless, all.tried)} replies lack their first bytes; ` +
              "the checksum proves that the rest is whole",
          ]
        : []),
      ...(garbled > 0
        ? [`unit ${unit}: ${of(garbled, all.tried)} replies begin with a wrong byte`]
        : []),
    ];
    return [{ cause: "turnaround" as const, likelihood, evidence }];
  });
}

/** An adapter that lets go too late cuts nearly every reply of a quick device. */
const usualCut = 0.3;

/** Bytes that a cut takes at most. */
const cutLimit = 4;

function isGarbledHead({ outcome, body, expected, unit }: Judged): boolean {
  if (outcome !== "damaged" && outcome !== "garbage") return false;
  return body.length <= expected && body.length >= expected - cutLimit && body[0] !== unit;
}

/**
 * Two answers to one request: one behind the other, or over each other, which leaves more bytes
 * than a reply has. At this unit and no other: what disturbs a line disturbs all.
 */
export function duplicate(picture: Picture): Finding[] {
  const { units, idle, evidence: record } = picture;
  // Over TCP replies carry the number of their request, and never overlap.
  if (record.wire === "tcp") return [];
  return units.flatMap((one) => {
    const { unit, judged, all } = one;
    const twice = judged.filter(({ replies }) => replies > 1).length;
    const longer = judged.filter(isTooLong).length;
    const count = twice + longer;
    if (count < 2) return [];
    const others = units.filter((other) => other !== one && other.all.answered > 0);
    const tried = others.reduce((sum, other) => sum + other.all.tried, 0);
    const theirs = others.flatMap((other) => other.judged).filter(isTooLong).length;
    const usual = (theirs + 0.5) / (tried + 1);
    const apart =
      others.length > 0
        ? rising(share(count, all.tried) / usual - 1, 2)
        : 0.97 * share(count, count + all.damaged) * (2 / (2 + idle.length));
    const evidence = [
      ...(twice > 0 ? [`unit ${unit}: two valid replies to ${of(twice, all.tried)} requests`] : []),
      ...(longer > 0
        ? [`unit ${unit}: ${of(longer, all.tried)} replies are longer than a reply can be`]
        : []),
      ...(others.length > 0 ? [`at other units ${of(theirs, tried)}`] : []),
    ];
    // Two valid replies to one request are proof.
    const sure = Math.max(apart, 0.99 * rising(twice, 0.2));
    return [
      { cause: "duplicate" as const, likelihood: 0.98 * sure * rising(count, 0.1), evidence },
    ];
  });
}

/** Bytes that hang together with a reply, and are more than it has. */
function isTooLong({ body, expected, replies, foreign, exception }: Judged): boolean {
  const most = exception > 0 ? exceptionBytes : expected;
  return replies < 2 && foreign.length === 0 && body.length > most;
}

/** A frame that says no. */
const exceptionBytes = 5;
