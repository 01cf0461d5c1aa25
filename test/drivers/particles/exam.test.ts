/**
 * The exams of the particle sensors: two that stream, over TCP and a serial line, and one that is
 * asked.
 */
import { describe } from "vitest";
import { particles } from "../../../drivers/particles/index.ts";
import { encodeAnswer, unstuffed } from "../../../drivers/particles/shdlc.ts";
import type { ExamDevice } from "../../contract/driver.ts";
import { driverExam } from "../../contract/driver.ts";
import type { ListenerExam } from "../../contract/listener.ts";
import { listenerExam } from "../../contract/listener.ts";
import { needs } from "../../peers.ts";
import type { Speaker } from "../speaker.ts";
import { startSerialSpeaker, startTcpSpeaker } from "../speaker.ts";
import { plantowerFrame, sds011Frame } from "./sensors.ts";

type Streaming = "pms5003" | "sds011";

const frames = { pms5003: plantowerFrame, sds011: sds011Frame } as const;

const streaming = (sensor: Streaming, wire: string, start: () => Promise<Speaker>) =>
  ({
    name: `${sensor} over ${wire}`,
    kind: particles,
    async start() {
      const speaker = await start();
      const target = (way: Speaker["wire"]) => ({
        id: "dust",
        options: { ...way, sensor, every: "0ms" },
        profile: undefined,
      });
      let said = 0;
      return {
        ...speaker,
        target: target(speaker.wire),
        nowhere: target(speaker.nowhere),
        speak: () => speaker.say(frames[sensor]({ pm1: 1, pm25: (said += 1), pm10: 3 })),
        [Symbol.asyncDispose]: () => speaker[Symbol.asyncDispose](),
      };
    },
  }) satisfies ListenerExam;

/** An SPS30 that may be told to keep its answers to itself. */
async function startSps30(start: () => Promise<Speaker>): Promise<ExamDevice> {
  const speaker = await start();
  let silent = false;
  let taken = 0;
  let started = false;
  let received = "";
  speaker.onData((bytes) => {
    received += Buffer.from(bytes).toString("hex");
    const [request, body = ""] = /7e((?:..)+?)7e/.exec(received) ?? [];
    if (request === undefined) return;
    received = received.slice(received.indexOf(request) + request.length);
    taken += 1;
    const [, command = 0] = unstuffed(Buffer.from(body, "hex")) ?? [];
    const values = new DataView(new ArrayBuffer(40));
    [1.25, 2.5, 4, 10.5].forEach((value, index) => values.setFloat32(index * 4, value));
    const known = command === 0 || started;
    const state = known ? 0 : 0x43;
    if (command === 0) started = true;
    const data = command === 3 && known ? new Uint8Array(values.buffer) : new Uint8Array(0);
    if (!silent) speaker.say(encodeAnswer({ command, state, data }));
  });
  const target = (way: Speaker["wire"]) => ({
    id: "dust",
    options: { ...way, sensor: "sps30" },
    profile: undefined,
  });
  return {
    context: speaker.context,
    target: target(speaker.wire),
    nowhere: target(speaker.nowhere),
    fallSilent() {
      silent = true;
      const before = taken;
      return () => taken > before;
    },
    wake() {
      silent = false;
    },
    [Symbol.asyncDispose]: () => speaker[Symbol.asyncDispose](),
  };
}

for (const sensor of ["pms5003", "sds011"] as const) {
  listenerExam(streaming(sensor, "TCP", startTcpSpeaker));
}
driverExam({
  name: "sps30 over TCP",
  kind: particles,
  start: () => startSps30(startTcpSpeaker),
});

describe.skipIf(!needs("socat", "socat"))("with socat", () => {
  listenerExam({
    ...streaming("pms5003", "a serial line", startSerialSpeaker),
    // A line that comes back has another name here.
    impossible: ["cut"],
  });
  driverExam({
    name: "sps30 over a serial line",
    kind: particles,
    start: () => startSps30(startSerialSpeaker),
  });
});
