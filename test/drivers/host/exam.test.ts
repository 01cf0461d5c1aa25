/** A recorded machine before the examiners. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hostDriver } from "../../../drivers/host/index.ts";
import { driverExam } from "../../contract/driver.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../../virtual.ts";
import { RecordedRoot } from "./recording.ts";

const golden = join(import.meta.dirname, "../../golden/drivers/host");
const machine = join(golden, "server_two_sockets/device");

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

// Traffic and health of a disk are one point: `disks` would share it with `smart`.
driverExam({
  name: "host, with boards and the health of disks",
  impossible: ["silence", "nowhere"],
  kind: hostDriver,
  start: async () => {
    const root = await RecordedRoot.create();
    for (const subject of ["board_sensors", "disks_and_networks"]) {
      await root.apply(await readFile(join(golden, subject, "device/poll-1.txt"), "utf8"));
    }
    const smartctl = await root.smartctl(join(golden, "disk_health/smartctl"));
    const parts = ["load", "thermal", "power", "fans", "electrical", "network", "smart"];
    const clock = new VirtualClock();
    return {
      context: { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} },
      target: { id: "host", options: { root: root.path, parts, smartctl }, profile: undefined },
      [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
    };
  },
});
