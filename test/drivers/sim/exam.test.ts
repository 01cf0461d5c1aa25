/** The simulated device before the examiners. */
import { simDriver } from "../../../drivers/sim/index.ts";
import { driverExam } from "../../contract/driver.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../../virtual.ts";

driverExam({
  name: "sim",
  impossible: ["silence"],
  kind: simDriver,
  start: async () => {
    const target = (options: unknown) => ({ id: "r1", options, profile: undefined });
    const clock = new VirtualClock();
    return {
      context: { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} },
      target: target({ wire: "line-1" }),
      nowhere: target({ fail: 1 }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
});
