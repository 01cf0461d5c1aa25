/**
 * Hands publishes on in the order of their numbers. aedes numbers a publish when it begins, lets
 * it wait for the persistence (longer when it is retained, or at QoS 1), and drops at each
 * subscriber whatever has a lower number than the last: so a publish that another overtakes is
 * lost to whoever hears both. All those waits end in the turn of the event loop they began in.
 */
import { invariant } from "../telemetry/index.ts";

interface Numbered {
  readonly brokerCounter: number;
}

/** An `emit` that gathers a turn's packets first. */
export function inOrder<Packet extends Numbered, Done>(
  emit: (packet: Packet, done: Done) => unknown,
): (packet: Packet, done: Done) => void {
  let turn: { readonly packet: Packet; readonly done: Done }[] = [];
  return (packet, done) => {
    turn.push({ packet, done });
    if (turn.length > 1) return;
    // The loop's check phase: behind all promises of this turn.
    setImmediate(() => {
      const gathered = turn.toSorted((a, b) => a.packet.brokerCounter - b.packet.brokerCounter);
      turn = [];
      for (const one of gathered) emit(one.packet, one.done);
    });
  };
}

/** Puts it into a broker of aedes, whose `mq` every publish goes through. @throws E_BUG */
export function keepOrder(broker: object): void {
  const mq: unknown = Reflect.get(broker, "mq");
  const emit: unknown = typeof mq === "object" && mq !== null ? Reflect.get(mq, "emit") : undefined;
  invariant(typeof mq === "object" && mq !== null && typeof emit === "function", "aedes has no mq");
  const ordered = inOrder((packet: Numbered, done: unknown) =>
    Reflect.apply(emit, mq, [packet, done]),
  );
  Reflect.set(mq, "emit", ordered);
}

/** The number of the newest publish of a broker of aedes; -1 when that is not known. */
export function lastNumber(broker: object | undefined): number {
  const counter: unknown = broker === undefined ? undefined : Reflect.get(broker, "counter");
  return typeof counter === "number" ? counter : -1;
}
