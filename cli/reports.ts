/** What agents and hubs say of themselves on MQTT: their newest reports are retained. */
import type { DeviceAddress, Fields, ParsedTopic, Platform, Point } from "../telemetry/index.ts";
import { decodeMessage, topicOf } from "../telemetry/index.ts";
import type { BrokerArguments } from "./ask-broker.ts";
import { askBroker } from "./ask-broker.ts";
import type { LoadedConfig } from "./config.ts";

export interface Report {
  readonly address: DeviceAddress;
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly stream: string;
  readonly fields: Fields;
  /** All that it said. */
  readonly points: readonly Point[];
}

/**
 * The newest report of each agent and hub.
 * @throws E_USAGE, E_SECRET_MISSING, E_UPLINK
 */
export async function askReports(
  given: BrokerArguments,
  parts: { readonly loaded: LoadedConfig; readonly platform: Platform },
): Promise<readonly Report[]> {
  const reports = new Map<string, Report>();
  await askBroker(given, parts, {
    filters: ["rackstreet/v1/+/+/+/agent/+/telemetry", "rackstreet/v1/+/+/+/hub/+/telemetry"],
    answer: (topic, payload) => {
      note(reports, topic, payload);
      return false;
    },
  });
  return [...reports.values()];
}

function note(reports: Map<string, Report>, { address }: ParsedTopic, payload: Uint8Array): void {
  const decoded = decodeMessage(payload, "telemetry");
  if (!("ok" in decoded)) return;
  const { stream, batches } = decoded.ok;
  const [batch] = batches;
  const point = batch?.points[0];
  if (batch === undefined || point === undefined) return;
  const { time, points } = batch;
  const report = { address, time, stream, fields: point.fields, points };
  reports.set(topicOf(address, "telemetry"), report);
}
