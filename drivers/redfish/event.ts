/**
 * What a service tells by itself: events (alerts among them) and metric reports, as a stream and a
 * subscription bring them alike. [DSP0266 eventing]
 */
import type { Clock } from "../../telemetry/index.ts";
import type { Heard, Trace } from "../contract.ts";
import { Allowance, isCredible } from "../transport/hearing.ts";
import type { Json } from "./json.ts";
import { list, member, pathOf, record, textOf } from "./json.ts";
import { stateOf } from "./row.ts";

/** Events taken of one message. */
const maxEvents = 100;

const severities = stateOf({ OK: 0, Warning: 1, Critical: 2 });

/** What is done with what was told. */
export interface Ears {
  heard(heard: Heard): void;
  report(report: Json): void;
}

export class EventReader {
  readonly #clock: Clock;
  readonly #ears: Ears;
  readonly #allowance: Allowance;
  #last = 0;

  constructor(ears: Ears, clock: Clock) {
    this.#ears = ears;
    this.#clock = clock;
    // A controller that repeats itself must not fill the spool.
    this.#allowance = new Allowance(clock, { burst: 200, perSecond: 2 });
  }

  /** @returns whether the message was one */
  accept(message: Json): boolean {
    if (Array.isArray(message["MetricValues"])) {
      if (this.#allowance.take()) this.#ears.report(message);
      return true;
    }
    if (!Array.isArray(message["Events"])) return false;
    for (const one of list(message["Events"], maxEvents)) this.#event(record(one));
    return true;
  }

  #event(event: Json): void {
    const id = textOf(event["MessageId"]) ?? textOf(event["EventType"]);
    if (id === undefined || !this.#allowance.take()) return;
    const texts = {
      reason: id,
      message: textOf(event["Message"]),
      origin: pathOf(member(event, "OriginOfCondition/@odata.id")),
    };
    const severity = severities(event["MessageSeverity"] ?? event["Severity"]);
    const known = Object.entries({ ...texts, severity_state: severity }).filter(
      (entry): entry is [string, string | number] => entry[1] !== undefined,
    );
    const traces = known.map(([field, value]): Trace => {
      const measurement = "device_event";
      return { measurement, channel: "", field, at: `event ${id}`, raw: String(value) };
    });
    const fields = { ...Object.fromEntries(known), q: 0 };
    const points = [{ measurement: "device_event", fields }];
    this.#ears.heard({ reading: { points, faults: [] }, time: this.#timeOf(event), traces });
  }

  /** Their clocks count seconds: two events of one would be one row. */
  #timeOf(event: Json): number {
    const said = Date.parse(textOf(event["EventTimestamp"]) ?? "");
    const time = isCredible(said, this.#clock) ? said : this.#clock.now();
    const near = time <= this.#last && this.#last - time < 1000;
    this.#last = near ? this.#last + 1 : time;
    return this.#last;
  }
}
