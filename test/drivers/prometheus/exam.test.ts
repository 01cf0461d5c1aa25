/** The driver before the examiners. */
import { profiles } from "../../../config/profiles.gen.ts";
import { prometheus } from "../../../drivers/prometheus/index.ts";
import { driverExam } from "../../contract/driver.ts";
import { freePort } from "../../ports.ts";
import { contextWith } from "../modbus/world.ts";
import { startExporter } from "./world.ts";

const page = `\
# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a"} 251.5
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-b"} 248
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",GPU_I_ID="3"} 512
`;

driverExam({
  name: "prometheus",
  kind: prometheus,
  async start() {
    const exporter = await startExporter(() => page);
    const target = (url: string) => ({
      id: "node-1",
      options: { url },
      profile: profiles["dcgm-exporter"],
    });
    return {
      context: contextWith(),
      target: target(exporter.url),
      nowhere: target(`http://127.0.0.1:${await freePort()}`),
      fallSilent() {
        const before = exporter.asked.length;
        exporter.silent = true;
        return () => exporter.asked.length > before;
      },
      wake: exporter.wake,
      [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose](),
    };
  },
});
