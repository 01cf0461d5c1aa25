/** The listener exam, over TCP and over a serial line. */
import { describe } from "vitest";
import { nmea } from "../../../drivers/nmea/index.ts";
import { checksumOf } from "../../../drivers/nmea/sentence.ts";
import type { ListenerExam } from "../../contract/listener.ts";
import { listenerExam } from "../../contract/listener.ts";
import { needs } from "../../peers.ts";
import type { Speaker } from "../speaker.ts";
import { startSerialSpeaker, startTcpSpeaker } from "../speaker.ts";

const over = (wire: string, start: () => Promise<Speaker>): ListenerExam => ({
  name: `nmea over ${wire}`,
  kind: nmea,
  async start() {
    const speaker = await start();
    const target = (way: Speaker["wire"]) => ({
      id: "mast",
      options: { ...way, every: "0ms" },
      profile: undefined,
    });
    let said = 0;
    return {
      ...speaker,
      target: target(speaker.wire),
      nowhere: target(speaker.nowhere),
      speak() {
        const body = `WIMWV,${(said += 1) % 360},R,3.5,M,A`;
        speaker.say(`$${body}*${checksumOf(body)}\r\n`);
      },
      [Symbol.asyncDispose]: () => speaker[Symbol.asyncDispose](),
    };
  },
});

listenerExam(over("TCP", startTcpSpeaker));

describe.skipIf(!needs("socat", "socat"))("with socat", () => {
  // A line that comes back has another name here.
  listenerExam({ ...over("a serial line", startSerialSpeaker), impossible: ["cut"] });
});
