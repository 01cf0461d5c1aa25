/**
 * Wills of clients whose hub is gone. A client that came to another hub meanwhile is no reason for
 * its will; whether the client may publish it was looked at when it left it.
 */
import { v } from "../../config/index.ts";
import type { Packet } from "../session-queue.ts";
import type { Live } from "./live.ts";

const willForm = v.object({
  topic: v.string(),
  payload: v.union([v.instance(Uint8Array), v.string()]),
  qos: v.optional(v.picklist([0, 1, 2]), 0),
  retain: v.optional(v.boolean(), false),
  clientId: v.string(),
  brokerId: v.string(),
});

interface Sweep {
  /** Whether a client is connected to a hub that lives. */
  readonly isHere: (client: string) => boolean;
  readonly publish: (will: Packet) => void;
}

/** @param alive hubs whose clients speak for themselves */
export async function sweepWills(
  { subscribers: { library } }: Live,
  alive: ReadonlySet<string>,
  { isHere, publish }: Sweep,
): Promise<void> {
  const spared = Object.fromEntries([...alive].map((node) => [node, true]));
  for await (const found of library.streamWill(spared)) {
    const parsed = v.safeParse(willForm, found);
    if (!parsed.success) continue;
    const { clientId, brokerId, payload, ...will } = parsed.output;
    await library.delWill({ id: clientId, brokerId });
    if (!isHere(clientId)) publish({ cmd: "publish", ...will, payload: Buffer.from(payload) });
  }
}
