/** What the commands that act on alerts share: which alerts are meant, and asking the hub. */
import type { AlertPick } from "../alerts/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import type { BrokerArguments } from "./ask-broker.ts";
import { brokerOptions } from "./ask-broker.ts";
import { askHub } from "./ask-hub.ts";
import { configOption, jsonOption, openPlatform } from "./command.ts";

export const ruleArgument = {
  type: "string",
  demandOption: true,
  describe: "The rule of the alerts.",
} as const;

export const deviceArgument = { type: "string", describe: "Only of this device." } as const;

export const actOptions = {
  config: configOption,
  where: {
    type: "string",
    array: true,
    default: [],
    describe: "Only with this tag, as name=value: rack=r12, sensor=inlet, org=north.",
  },
  comment: { type: "string", default: "", describe: "Why, for those who come after." },
  ...brokerOptions,
  json: jsonOption,
} as const;

interface PickArguments {
  readonly rule: string;
  readonly device: string | undefined;
  readonly where: readonly (string | number)[];
}

/** Which alerts are meant. @throws E_USAGE */
export function pickOf({ rule, device, where }: PickArguments): AlertPick {
  const tags = where.map((one): readonly [string, string] => {
    const [, name, value] = /^([\w-]+)=(.+)$/.exec(String(one)) ?? [];
    if (name === undefined || value === undefined) {
      throw new GatewayError("E_USAGE", `--where ${one}: write name=value`);
    }
    return [name, value];
  });
  const named = device === undefined ? [] : [["device", device] as const];
  return { rule, where: Object.fromEntries([...tags, ...named]) };
}

export interface HubAct {
  readonly config: string;
  readonly broker: BrokerArguments;
  /** Name of the request. */
  readonly do: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** The hub's answer, all its parts. @throws as `askHub` */
export async function askAlerts({
  config,
  broker,
  ...question
}: HubAct): Promise<readonly unknown[]> {
  const { loaded, platform } = await openPlatform(config, "error");
  const parts: unknown[] = [];
  const take = (part: unknown): void => {
    parts.push(part);
  };
  await askHub(broker, { loaded, platform }, { ...question, take });
  return parts;
}
