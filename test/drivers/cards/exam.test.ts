/** The drivers of cards before the examiners, each with its tool as a real child process. */
import { join } from "node:path";
import { amd } from "../../../drivers/amd/index.ts";
import { ascend } from "../../../drivers/ascend/index.ts";
import { nvidia } from "../../../drivers/nvidia/index.ts";
import { driverExam } from "../../contract/driver.ts";
import { contextWith } from "../modbus/world.ts";
import { RecordedTool } from "./tool.ts";

const golden = join(import.meta.dirname, "../../golden/drivers");

const candidates = [
  { kind: nvidia, tool: "nvidia-smi", machine: "mig_v12", options: { sample: "50ms" } },
  { kind: amd, tool: "amd-smi", machine: "instinct_rocm_7", options: {} },
  { kind: amd, tool: "rocm-smi", machine: "rocm_smi_6", options: {} },
  { kind: ascend, tool: "npu-smi", machine: "npu_910b", options: {} },
] as const;

for (const { kind, tool: name, machine, options } of candidates) {
  driverExam({
    name: `${kind.name} by ${name}`,
    kind,
    start: async () => {
      const recordings = join(golden, kind.name, machine, "device");
      const tool = await RecordedTool.create(name, recordings);
      return {
        context: contextWith(),
        target: {
          id: "machine",
          options: { ...options, program: tool.program },
          profile: undefined,
        },
        nowhere: {
          id: "nowhere",
          options: { ...options, program: `${tool.program}-that-is-not-there` },
          profile: undefined,
        },
        fallSilent: () => tool.fallSilent(),
        wake: () => tool.wake(),
        [Symbol.asyncDispose]: () => tool[Symbol.asyncDispose](),
      };
    },
  });
}
