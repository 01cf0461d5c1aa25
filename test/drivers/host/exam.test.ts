/** A recorded machine before the examiners. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hostDriver } from "../../../drivers/host/index.ts";
import { driverExam } from "../../contract/driver.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../../virtual.ts";
import { RecordedRoot } from "./recording.ts";

const machine = join(import.meta.dirname, "../../golden/drivers/host/server_two_sockets/device");

driverExam({
  name: "host",
  impossible: ["silence", "nowhere"],
  kind: hostDriver,
  start: async () => {
    const root = await RecordedRoot.create();
    await root.apply(await readFile(join(machine, "poll-1.txt"), "utf8"));
    const clock = new VirtualClock();
    return {
      context: { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} },
      target: { id: "host", options: { root: root.path }, profile: undefined },
      [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
    };
  },
});
