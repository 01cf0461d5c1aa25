/**
 * `rackstreet set`: asks over MQTT for something to be set on a device and waits for the answer.
 * It goes the way of any other client: the agent looks whether it is allowed.
 */
import { openUplink } from "../../agent/index.ts";
import { addressText, duration, v } from "../../config/index.ts";
import type { DeviceAddress, SetResult } from "../../telemetry/index.ts";
import { decodeSetResult, encodeSetRequest, GatewayError, sleep } from "../../telemetry/index.ts";
import { topicOf } from "../../telemetry/index.ts";
import type { BrokerTarget } from "../ask-broker.ts";
import { brokerOptions, brokerTarget } from "../ask-broker.ts";
import { configOption, defineCommand, jsonOption, parsedArgument } from "../command.ts";
import { print, printJson } from "../command.ts";
import { loadConfig } from "../config.ts";
import { exitCodes } from "../exit.ts";
import { clock, entropy, openLog } from "../platform.ts";
import { classOf, siteOf } from "../run-agent.ts";

/** How much longer than the request an answer is waited for. @unit ms */
const grace = 2000;

export const setCommand = defineCommand({
  command: "set <device> <setting> <value>",
  describe: "Ask for something to be set on a device, as its configuration allows",
  builder: (yargs) =>
    yargs
      .positional("device", { type: "string", demandOption: true, describe: "The device." })
      .positional("setting", { type: "string", demandOption: true, describe: "A setting's name." })
      .positional("value", { type: "number", demandOption: true, describe: "In its unit." })
      .option("config", configOption)
      .option("expires", { type: "string", default: "10s", describe: "Not done after this." })
      .options(brokerOptions)
      .option("json", jsonOption)
      .example("$0 set lamp-7 dim_pct 40 -c street.yaml", "dims a lamp to 40 %")
      .example("$0 set io-1 do0_state 1 -c site.yaml --expires 3s", "switches a relay on"),
  handler: async ({ device, setting, value, config, expires, json, ...broker }) => {
    const loaded = await loadConfig(config);
    const found = loaded.devices.find(({ id }) => id === device);
    if (found === undefined) {
      const ids = loaded.devices.map(({ id }) => id).join(", ");
      throw new GatewayError("E_USAGE", `no device ${device}; ${config} has: ${ids}`);
    }
    if (!Number.isFinite(value)) throw new GatewayError("E_USAGE", "value must be a number");
    const patience = parsedArgument("expires", expires, v.pipe(duration, v.minValue(100)));
    const address = { ...siteOf(loaded), class: classOf(found), device };
    const target = brokerTarget(broker, loaded);
    const result = await askAgent(address, { setting, value, patience }, target);
    if (json) printJson(result);
    else print(sentenceOf(device, result));
    if (result.outcome !== "done") process.exitCode = exitCodes.unavailable;
  },
});

interface Wish {
  readonly setting: string;
  readonly value: number;
  /** @unit ms */
  readonly patience: number;
}

/** @throws E_UPLINK, E_SET_UNANSWERED */
async function askAgent(
  address: DeviceAddress,
  { setting, value, patience }: Wish,
  { url, options }: BrokerTarget,
): Promise<SetResult> {
  const id = entropy.id();
  const [connected, answered] = [new AbortController(), new AbortController()];
  const results: SetResult[] = [];
  await using link = openUplink(
    { url, clientId: `rackstreet-setting-${id}`, subscribe: [topicOf(address, "result")] },
    options,
    {
      platform: { clock, entropy, log: openLog("error") },
      events: {
        up: () => connected.abort(),
        down: () => undefined,
        message: (_topic, payload) => {
          const decoded = decodeSetResult(payload);
          if (!("ok" in decoded) || decoded.ok.id !== id) return;
          results.push(decoded.ok);
          answered.abort();
        },
      },
    },
  );
  await sleep(clock, patience, connected.signal);
  if (!connected.signal.aborted) {
    throw new GatewayError(
      "E_UPLINK",
      `${addressText(url)} does not let us in, or does not answer`,
    );
  }
  const time = clock.now();
  const payload = encodeSetRequest({ id, setting, value, time, expires: time + patience });
  await link.publish({ topic: topicOf(address, "set"), payload, retain: false });
  await sleep(clock, patience + grace, answered.signal);
  const [result] = results;
  if (result !== undefined) return result;
  const why = "no answer: is the agent up, and may this user set it?";
  throw new GatewayError("E_SET_UNANSWERED", `${address.device} ${setting}: ${why}`);
}

function sentenceOf(device: string, { setting, value, outcome, shown, why }: SetResult): string {
  const seen = shown === undefined ? "" : `; it shows ${shown}`;
  const reason = why === "" ? "" : `: ${why}`;
  return `${device} ${setting} = ${value}: ${outcome}${seen}${reason}`;
}
