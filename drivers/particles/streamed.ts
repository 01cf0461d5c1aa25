/** Sensors that send a frame each second by themselves: how they are heard. */
import type { Clock, Fault } from "../../telemetry/index.ts";
import type { Heard, Trace } from "../contract.ts";
import type { Ear, OpenWay } from "../transport/audience.ts";
import { calm } from "../transport/calm.ts";
import type { ByteChannel } from "../transport/channel.ts";
import type { Understood } from "../transport/hearing.ts";
import { Pace } from "../transport/hearing.ts";
import type { Values } from "./fields.ts";
import { pointOf, tracesOf } from "./fields.ts";
import type { Cut, FrameForm } from "./frames.ts";
import { FrameCutter } from "./frames.ts";

/** Faults told with one reading at most; a broken line has them by the hundred. */
const maxFaults = 8;

/** What a sensor may send over TCP; it has a hundred bytes. @unit bytes a second */
const rate = 64 * 1024;

/** Opens a line whose frames are of one form. */
export function framesOver(
  open: (signal: AbortSignal) => Promise<ByteChannel>,
  { form, clock }: { readonly form: FrameForm<Values>; readonly clock: Clock },
): OpenWay<Cut<Values>, Ear<Cut<Values>>> {
  return async ({ heard, broken }, signal) => {
    const channel = await open(signal);
    const cutter = new FrameCutter(form);
    calm(channel, clock, rate).onData((bytes) => heard(cutter.accept(bytes)));
    channel.onClose(broken);
    return { close: () => channel.close() };
  };
}

interface EarParts {
  readonly clock: Clock;
  readonly every: number;
  readonly channel: string;
}

/** Hands over the newest frame of each span; broken frames are its faults. */
export function particleEar(
  { clock, every, channel }: EarParts,
  heard: (heard: Heard) => void,
): (cut: Cut<Values>) => Understood {
  const pace = new Pace(clock, every);
  let faults: Fault[] = [];
  return ({ frames, broken }) => {
    for (let left = broken; left > 0 && faults.length < maxFaults; left -= 1) {
      faults.push({ code: "E_DEVICE_FRAME", at: "frame" });
    }
    for (const values of every === 0 ? frames : frames.slice(-1)) {
      if (!pace.due()) continue;
      const traces: Trace[] = tracesOf(values, channel);
      heard({ reading: { points: [pointOf(values, channel)], faults }, traces });
      faults = [];
    }
    return frames.length > 0 ? "said" : "noise";
  };
}
