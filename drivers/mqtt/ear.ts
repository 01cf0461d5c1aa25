/** One device's messages as readings. */
import type { Clock, Fault } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Heard } from "../contract.ts";
import type { Json } from "../mapping/json.ts";
import type { Mapped, Mapping } from "../mapping/mapping.ts";
import { pointOf } from "../mapping/mapping.ts";
import type { Listening, Understood } from "../transport/hearing.ts";
import { Allowance } from "../transport/hearing.ts";
import type { FaultNews } from "./faults.ts";
import type { Gathered } from "./gathering.ts";
import { Gathering } from "./gathering.ts";
import type { Said } from "./said.ts";
import type { TopicForm } from "./topic.ts";

/** More no device has to say: a meter of many topics tells all of them each second. */
const allowed = { burst: 500, perSecond: 100 };

/** A topic of one device. */
export interface HeardTopic {
  readonly name: string;
  readonly form: TopicForm;
  readonly format: "json" | "value";
}

export interface HeardPresence {
  readonly form: TopicForm;
  readonly offline: string;
}

export interface EarParts {
  /** For messages: the device and where it is heard. */
  readonly name: string;
  readonly topics: readonly HeardTopic[];
  readonly presence: HeardPresence | undefined;
  readonly mapping: Mapping;
  readonly clock: Clock;
  /** @unit ms */
  readonly gather: number;
  /** What is wrong is remembered over a broken connection. */
  readonly news: FaultNews;
}

type Ears = (said: Said) => Understood;

export function mqttEar(
  parts: EarParts,
  heard: (heard: Heard) => void,
  listening: Listening,
): Ears {
  const { name, topics, presence, clock } = parts;
  const allowance = new Allowance(clock, allowed);
  const teller = new Teller(parts, heard);
  listening.signal.addEventListener("abort", () => teller.close(), { once: true });
  return (said) => {
    if (presence?.form.match(said.levels) !== undefined) {
      const word = said.text()?.trim();
      if (word !== presence.offline) return "said";
      listening.lost(new GatewayError("E_SILENT", `${name}: ${said.topic} says ${word}`));
      return "other";
    }
    const matches = topics.flatMap((topic) => {
      const levels = topic.form.match(said.levels);
      return levels === undefined ? [] : [{ topic, levels }];
    });
    if (matches.length === 0) return "other";
    if (!allowance.take()) {
      teller.fault(said.topic, { code: "E_DEVICE_FRAME", at: "too many messages" });
      return "noise";
    }
    const understood = matches.map(({ topic, levels }) => teller.hear(said, topic, levels));
    return understood.find((one) => one === "said") ?? understood[0] ?? "other";
  };
}

/** Makes readings of messages, those of several topics together. */
class Teller {
  readonly #parts: EarParts;
  readonly #heard: (heard: Heard) => void;
  readonly #gathering: Gathering;

  constructor(parts: EarParts, heard: (heard: Heard) => void) {
    this.#parts = parts;
    this.#heard = heard;
    this.#gathering = new Gathering(parts.clock, parts.gather, (one) => this.#tell([one]));
  }

  close(): void {
    this.#gathering.close();
  }

  fault(topic: string, fault: Fault): void {
    this.#parts.news.note(topic, [fault]);
  }

  hear(said: Said, topic: HeardTopic, levels: Readonly<Record<string, string>>): Understood {
    const { mapping, news } = this.#parts;
    // What was kept for us is old, and only its own time can say how old.
    if (said.retained && !mapping.tellsTime) return "other";
    const data = dataOf(said, topic);
    if (data instanceof GatewayError) {
      this.fault(said.topic, { code: data.code, at: said.topic });
      return "noise";
    }
    const texts = topic.format === "value";
    const mapped = mapping.map({ name: topic.name, data, texts, levels });
    if (said.retained && mapped.time === undefined) return "other";
    news.note(`${said.topic} ${topic.name}`, mapped.faults);
    this.#sort(mapped);
    return "said";
  }

  /** Rows of one topic go out at once and together, others wait for their rest. */
  #sort({ parts, traces, time }: Mapped): void {
    const at = ({ row, channel }: Gathered["part"]) =>
      traces.filter((one) => one.measurement === row.measurement && one.channel === channel);
    const whole = parts.filter(({ row }) => row.from.size === 1);
    if (whole.length > 0) {
      this.#tell(whole.map((part) => ({ part, traces: at(part), time })));
    }
    for (const part of parts) {
      if (part.row.from.size === 1) continue;
      this.#gathering.add(this.#parts.mapping.rows.indexOf(part.row), {
        part,
        traces: at(part),
        time,
      });
    }
  }

  #tell(all: readonly Gathered[]): void {
    this.#heard({
      reading: { points: all.map(({ part }) => pointOf(part)), faults: this.#parts.news.take() },
      time: all[0]?.time,
      traces: all.flatMap(({ traces }) => traces),
    });
  }
}

function dataOf(said: Said, { format }: HeardTopic): Json | GatewayError {
  if (format === "json") return said.json();
  const text = said.text();
  if (text !== undefined) return text.trim();
  return new GatewayError("E_DEVICE_FRAME", `${said.topic}: no text, or too long`);
}
