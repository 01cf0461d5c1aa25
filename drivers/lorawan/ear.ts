/** One device's events as readings. */
import type { Clock, Fault } from "../../telemetry/index.ts";
import type { Heard } from "../contract.ts";
import type { Understood } from "../transport/hearing.ts";
import { Allowance, isCredible } from "../transport/hearing.ts";
import type { Row } from "./decode.ts";
import { decodeUplink } from "./decode.ts";
import type { Status, Uplink } from "./event.ts";
import type { LorawanProfile } from "./profile.ts";
import { addRadio, radioValues } from "./radio.ts";
import { Repeats } from "./repeats.ts";
import type { Said } from "./way.ts";

/** More no device may send: the duty cycle of the air allows a few an hour. */
const allowed = { burst: 100, perSecond: 5 };

/** Faults told with one reading at most. */
const maxFaults = 8;

export interface EarParts {
  readonly eui: string;
  /** Its id at The Things Stack. */
  readonly device: string | undefined;
  readonly profile: LorawanProfile;
  readonly rows: readonly Row[];
  readonly clock: Clock;
  /** What was seen is remembered over a broken connection. */
  readonly repeats: Repeats;
}

export function lorawanEar(
  { eui, device, profile, rows, clock, repeats }: EarParts,
  heard: (heard: Heard) => void,
): (said: Said) => Understood {
  const allowance = new Allowance(clock, allowed);
  const faults: Fault[] = [];
  const fault = (code: Fault["code"], at: string): void => {
    if (faults.length < maxFaults) faults.push({ code, at });
  };
  const tell = (event: Uplink | Status): void => {
    const decoded =
      event.kind === "up"
        ? decodeUplink(profile, rows, event)
        : { points: [], faults: [], traces: [] };
    const credible = event.time === undefined || isCredible(event.time, clock);
    if (!credible) fault("E_VALUE", "time");
    addRadio(decoded.points, decoded.traces, radioValues(event));
    const reading = { points: decoded.points, faults: [...faults, ...decoded.faults] };
    faults.length = 0;
    heard({ reading, time: credible ? event.time : undefined, traces: decoded.traces });
  };
  return ({ topic, event, retained }) => {
    if (event === undefined) {
      // Only a topic with the device's own number tells whose nonsense it is.
      if (!topic.includes(eui)) return "other";
      fault("E_DEVICE_FRAME", "message");
      return "noise";
    }
    // The Things Stack knows devices without a DevEUI, by their id alone.
    const known = event.eui === "" && device !== undefined ? event.device === device : undefined;
    if (!(known ?? event.eui === eui)) return "other";
    // What was kept for us is old, and only its own time can say how old.
    if (retained && event.time === undefined) return "other";
    if (event.kind === "join") {
      repeats.clear();
      return "said";
    }
    if (!allowance.take()) {
      fault("E_DEVICE_FRAME", "too many messages");
      return "noise";
    }
    if (event.kind === "up" && repeats.isRepeat(event, clock.now())) return "said";
    tell(event);
    return "said";
  };
}
