/** The link of an agent that enrolled: its certificate from its folder, renewed over the link. */
import { join } from "node:path";
import type { AgentOptions, Uplink, UplinkEvents, UplinkTarget } from "../agent/index.ts";
import { identityFiles, openUplink, Renewal } from "../agent/index.ts";
import type { Address } from "../config/index.ts";
import type { Disk, Platform, Site } from "../telemetry/index.ts";
import { messageOf, topicOf } from "../telemetry/index.ts";

/** Whether an agent has a certificate of its own, and the configuration names nothing else. */
export async function isEnrolled(
  { uplink }: AgentOptions,
  folder: Disk,
  url: Address,
): Promise<boolean> {
  const secure = url.scheme === "mqtts" || url.scheme === "wss";
  if (!secure || uplink.cert !== undefined || uplink.username !== undefined) return false;
  return (await folder.list()).includes(identityFiles.own);
}

export interface EnrolledParts {
  readonly options: AgentOptions;
  readonly site: Site;
  readonly folder: Disk;
  readonly events: UplinkEvents;
}

export function openEnrolledUplink(
  target: UplinkTarget,
  { options: { id, data, uplink }, site, folder, events }: EnrolledParts,
  platform: Platform,
): Uplink {
  const own = { ...site, class: "agent", device: id };
  const answers = topicOf(own, "certificate");
  const pair = join(data, identityFiles.own);
  // Read anew with each connection: what was renewed counts from the next on.
  const options = {
    ...uplink,
    cert: pair,
    key: pair,
    ca: uplink.ca ?? join(data, identityFiles.ca),
  };
  const link = openUplink({ ...target, subscribe: [...target.subscribe, answers] }, options, {
    platform,
    events: {
      ...events,
      up: () => events.up(),
      down: () => events.down(),
      message: (topic, payload, retained) => {
        if (topic !== answers) return events.message(topic, payload, retained);
        return renewal.take(payload).catch((error: unknown) => {
          platform.log.warn("certificate not renewed", { why: messageOf(error) });
        });
      },
    },
  });
  const renewal = new Renewal({
    agent: id,
    disk: folder,
    send: (payload) => link.publish({ topic: topicOf(own, "enroll"), payload, retain: false }),
    platform,
  });
  return {
    publish: (message) => link.publish(message),
    async [Symbol.asyncDispose]() {
      renewal[Symbol.dispose]();
      await link[Symbol.asyncDispose]();
    },
  };
}
