/**
 * `rackstreet report`: the commissioning report of a site: which devices answer, as what, how fast
 * and how cleanly, what they read and whether that can be. Asks the devices, not an agent.
 */
import { existsSync } from "node:fs";
import type { Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { version } from "../assets.ts";
import { configArgument, defineCommand, jsonOption, openPlatform } from "../command.ts";
import { print, printJson, Stop } from "../command.ts";
import { busLoads } from "../bus-load.ts";
import type { LoadedConfig } from "../config.ts";
import { loadLibrary } from "../config.ts";
import { exitCodes } from "../exit.ts";
import { writeOutput } from "../output.ts";
import { Progress } from "../progress.ts";
import { busName, openPlannedSite } from "../planned-site.ts";
import type { ReportBus, ReportHead } from "../report-page.ts";
import { reportPage, spreadOf } from "../report-page.ts";
import type { ReportDevice } from "../report-run.ts";
import { inspectSite } from "../report-run.ts";
import { startSimulatedSite } from "../simulated-site.ts";

/** Readings of one device. */
const mostTimes = 1000;

export const reportCommand = defineCommand({
  command: "report <config>",
  describe: "Write a commissioning report: every device, its answers, its values, what is odd",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("times", { type: "number", default: 10, describe: "How often each device is read." })
      .option("out", { type: "string", describe: "Where to write it; to standard output else." })
      .option("force", { type: "boolean", default: false, describe: "Overwrite --out." })
      .option("json", jsonOption)
      .example("$0 report site.yaml --out report.md", "Markdown, to print or to send")
      .example("$0 report site.yaml --json", "the same, for machines")
      .epilogue(
        "Needs the serial ports for itself: stop the agent first. " +
          "Exit code 69 when a device gave nothing.",
      ),
  handler: async ({ config, times, out, force, json }) => {
    if (!(Number.isInteger(times) && times >= 1 && times <= mostTimes)) {
      throw new GatewayError("E_USAGE", `--times: must be a whole number from 1 to ${mostTimes}`);
    }
    if (out !== undefined && existsSync(out) && !force) {
      throw new GatewayError("E_USAGE", `${out} is there already; --force overwrites it`);
    }
    const { head, devices } = await inspect(config, times);
    const data = asData(head, devices);
    const text = json ? `${JSON.stringify(data)}\n` : reportPage(head, devices);
    if (out !== undefined) await writeOutput(out, text);
    else if (json) printJson(data);
    else print(text);
    if (out !== undefined) print(`${out}: ${devices.length} devices`);
    if (devices.some(({ read }) => read === 0)) process.exitCode = exitCodes.unavailable;
  },
});

async function inspect(
  config: string,
  times: number,
): Promise<{ readonly head: ReportHead; readonly devices: readonly ReportDevice[] }> {
  const { loaded: given, platform } = await openPlatform(config, "error");
  await using site = await startSimulatedSite(given, platform);
  const library = await loadLibrary();
  using stop = new Stop(undefined);
  const ending = new AbortController();
  void stop.asked.then(() => ending.abort());
  using progress = new Progress(platform.clock);
  const head = {
    config,
    site: given.config.site.name,
    date: new Date(platform.clock.now()).toISOString(),
    version,
    times,
    buses: await plannedBuses(given, platform),
  };
  const devices = await inspectSite(site.loaded, {
    platform,
    library,
    times,
    signal: ending.signal,
    progress: (text) => progress.show(text),
  });
  return { head, devices };
}

/** How busy the buses will be, by the configuration. */
async function plannedBuses(loaded: LoadedConfig, platform: Platform): Promise<ReportBus[]> {
  await using site = await openPlannedSite(loaded, platform);
  return busLoads(site.devices).map((bus) => ({
    name: busName(bus, site.devices),
    devices: bus.devices.length,
    load: bus.load,
    verdict: bus.verdict,
  }));
}

function asData(head: ReportHead, devices: readonly ReportDevice[]): unknown {
  return {
    ...head,
    devices: devices.map(({ inspection, ...device }) => {
      if (inspection === undefined) return device;
      const { took, identity, ...counts } = inspection;
      return { ...device, identity, answers: { ...counts, ...spreadOf(took) } };
    }),
  };
}
