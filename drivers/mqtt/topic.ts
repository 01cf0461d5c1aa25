/**
 * Topics with named levels: `tele/{plug}/SENSOR`. A level whose name the device's options fix is
 * that text; any other may be anything, and tells the channel.
 */
import { GatewayError } from "../../telemetry/index.ts";

export interface TopicForm {
  readonly filter: string;
  /** Names of the levels that may be anything. */
  readonly open: readonly string[];
  /** What the open levels are in a topic, or undefined for another topic. */
  match(levels: readonly string[]): Readonly<Record<string, string>> | undefined;
}

const name = /\{([^{}/]*)\}/g;

/** Names of the levels in a topic as it is written. */
export function levelNames(topic: string): string[] {
  return [...topic.matchAll(name)].map(([, level = ""]) => level);
}

/**
 * @param fixed texts of named levels; one may hold `/`, as names at zigbee2mqtt do
 * @throws E_CONFIG for a topic that no subscription can be. [MQTT-3.1.1 4.7]
 */
export function topicForm(topic: string, fixed: Readonly<Record<string, string>>): TopicForm {
  const filled = topic.replaceAll(name, (whole, level: string) =>
    Object.hasOwn(fixed, level) ? (fixed[level] ?? whole) : whole,
  );
  const parts = filled.split("/").map((level) => {
    const [, open] = /^\{([^{}/]+)\}$/.exec(level) ?? [];
    if (open === undefined && /[{}]/.test(level)) {
      const why = `topic ${topic}: a name fills its level: a/{name}/b, or is fixed by \`levels\``;
      throw new GatewayError("E_CONFIG", why);
    }
    return { level, open };
  });
  const open = parts.flatMap((part) => part.open ?? []);
  if (new Set(open).size < open.length) {
    throw new GatewayError("E_CONFIG", `topic ${topic}: a name stands there twice`);
  }
  return {
    filter: parts.map((part) => (part.open === undefined ? part.level : "+")).join("/"),
    open,
    match(levels) {
      if (levels.length !== parts.length) return undefined;
      const found: Record<string, string> = {};
      for (const [index, part] of parts.entries()) {
        const level = levels[index] ?? "";
        if (part.open !== undefined) found[part.open] = level;
        else if (part.level !== level) return undefined;
      }
      return found;
    },
  };
}
