/**
 * The port that services call with their events, shared by all devices that name the same address.
 * A call is known by its path, which nobody else was told, and by the context where it has one.
 */
import { timingSafeEqual } from "node:crypto";
import type { Address } from "../../config/index.ts";
import type { Ear, OpenWay, Way } from "../transport/audience.ts";
import type { DeviceCall } from "../transport/http-listen.ts";
import { listenHttp } from "../transport/http-listen.ts";
import type { Json } from "./json.ts";
import { record } from "./json.ts";

/** One call of a service. */
export interface Call {
  readonly path: string;
  readonly body: Json;
}

export interface PushMark {
  /** Where its service shall call. */
  readonly path: string;
  readonly context: string;
  /** The port listens. */
  readonly ready: () => void;
}

export type PushEar = Ear<Call> & PushMark;

const limits = { connections: 64, idle: 30_000, body: 1024 * 1024 };

export function pushWay({ host, port }: Address): OpenWay<Call, PushEar> {
  return async ({ heard, broken }) => {
    /** By path; bounded by the devices of the configuration. */
    const ears = new Map<string, PushEar>();
    const way = await listenHttp(
      { host, port },
      {
        expected: (method, path) => method === "POST" && ears.has(path),
        called: (call) => answerTo(ears.get(call.path), call, heard),
        broken,
      },
      limits,
    );
    return {
      joined: (ear) => {
        ears.set(ear.path, ear);
        ear.ready();
      },
      left: (ear) => void ears.delete(ear.path),
      close: () => way.close(),
    } satisfies Way<PushEar>;
  };
}

function answerTo(
  ear: PushEar | undefined,
  { path, body }: DeviceCall,
  heard: (call: Call) => void,
): number {
  if (ear === undefined) return 404;
  let message: Json;
  try {
    message = record(JSON.parse(body));
  } catch {
    return 400;
  }
  const context = message["Context"];
  if (context !== undefined && context !== null && !isSame(context, ear.context)) return 403;
  heard({ path, body: message });
  return 204;
}

function isSame(said: unknown, ours: string): boolean {
  if (typeof said !== "string" || said.length !== ours.length) return false;
  return timingSafeEqual(Buffer.from(said), Buffer.from(ours));
}
