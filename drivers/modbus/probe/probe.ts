/**
 * Looks at an unknown device: reads the windows asked for, once or again after a while, and says
 * what stands there. Only reads.
 */
import type { Clock } from "../../../telemetry/index.ts";
import { sleep } from "../../../telemetry/index.ts";
import { Lines } from "../lines.ts";
import type { ModbusOptions } from "../options.ts";
import { decodeReadReply, encodeRead, pduLimits } from "../pdu.ts";
import type { Answer, Candidate } from "./candidates.ts";
import { candidates } from "./candidates.ts";
import { plausible } from "./physics.ts";
import type { Place } from "./places.ts";
import type { Expectation } from "./quantities.ts";
import type { Taken, Window } from "./snapshot.ts";
import { takeSnapshot } from "./snapshot.ts";

export interface ProbeTarget {
  readonly options: ModbusOptions;
  readonly buses: Readonly<Record<string, unknown>>;
  /** Most registers that the device gives in one answer. */
  readonly block?: number | undefined;
}

export interface ProbeAsk {
  readonly windows: readonly Window[];
  /** Places that an address may mean; undefined: all of the windows. */
  readonly places?: readonly Place[] | undefined;
  /** None: physics alone decides. */
  readonly expectations: readonly Expectation[];
  /** Times after the first at which to look again. @unit ms */
  readonly again: readonly number[];
}

export interface Probed {
  /** With expectations: one each. */
  readonly answers: readonly Answer[];
  /** Without: what physics finds. */
  readonly plausible: readonly Candidate[];
  /** The first look. */
  readonly taken: Taken;
}

/** Requests of one look, at most: whole tables of 65,536 registers are 525 each. */
const budget = 1200;

/**
 * Reads and ranks.
 * @throws what a line throws when the device does not answer
 */
export async function probe(
  target: ProbeTarget,
  ask: ProbeAsk,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Probed> {
  await using lines = new Lines(target.buses, clock);
  const { line } = lines.lease(target.options);
  const { unit, timeout, pause } = target.options;
  const parts = {
    budget,
    block: target.block ?? pduLimits.registers,
    now: () => clock.monotonic(),
    request: async (span: Parameters<typeof encodeRead>[0], signal: AbortSignal) =>
      decodeReadReply(
        span,
        await line.exchange({ unit, timeout, pause, pdu: encodeRead(span) }, signal),
      ),
  };
  const taken = await takeSnapshot(ask.windows, parts, signal);
  const snapshots = [taken.snapshot];
  for (const wait of ask.again) {
    await sleep(clock, wait, signal);
    snapshots.push((await takeSnapshot(ask.windows, parts, signal)).snapshot);
  }
  const { expectations, places } = ask;
  if (expectations.length === 0) return { answers: [], plausible: plausible(snapshots), taken };
  return { answers: candidates({ snapshots, expectations, places }), plausible: [], taken };
}
