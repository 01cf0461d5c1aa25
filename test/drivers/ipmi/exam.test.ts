/** A server before the examiners, by tools that play a recording. */
import { describe, expect, it } from "vitest";
import { ipmi } from "../../../drivers/ipmi/index.ts";
import { driverExam } from "../../contract/driver.ts";
import { contextWith } from "../modbus/world.ts";
import { lan, smallServer, startTools } from "./world.ts";

const noSession = "Error: Unable to establish IPMI v2 / RMCP+ session\n";

for (const [name, more] of [
  ["all at once", {}],
  ["sensors at their own pace", { sensorsEvery: "60s", parts: ["power", "sensors"] }],
] as const) {
  driverExam({
    name: `ipmi by ipmitool, ${name}`,
    kind: ipmi,
    async start() {
      const tools = await startTools(smallServer);
      const nobody = await startTools({ "chassis.err": noSession, "power.err": noSession });
      const target = (options: unknown) => ({ id: "server", options, profile: undefined });
      return {
        context: contextWith(),
        target: target(lan(tools, more)),
        nowhere: target(lan(nobody, { ...more, host: "10.0.0.21" })),
        fallSilent: tools.hang,
        wake: tools.goOn,
        async [Symbol.asyncDispose]() {
          await tools[Symbol.asyncDispose]();
          await nobody[Symbol.asyncDispose]();
        },
      };
    },
  });
}

describe("options", () => {
  const problems = (options: Readonly<Record<string, unknown>>): readonly string[] =>
    ipmi.problems(options);

  it("name a controller whole", () => {
    expect(problems({})).toEqual([]);
    expect(problems({ host: "bmc", user: "a" })).toEqual([]);
    expect(problems({ host: "bmc" })).toEqual(["give `user` and `password`"]);
    expect(problems({ interface: "lanplus" })).toEqual(["give `host`, or `interface: open`"]);
    expect(problems({ interface: "open", host: "bmc" })).toHaveLength(1);
  });

  it("hold nothing that a tool would take for an option of its own", () => {
    for (const host of ["-H", "--help", "a b", "a,b", "", "$(id)"]) {
      expect(problems({ host, user: "a" })).not.toEqual([]);
    }
    for (const user of ["-U", "", "a b"]) expect(problems({ host: "bmc", user })).not.toEqual([]);
    expect(problems({ workaround: "a;b" })).not.toEqual([]);
  });
});
