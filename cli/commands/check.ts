/** `rackstreet check`: every mistake of a configuration, without touching hardware. */
import { ComplaintsError, paperFindings } from "../../config/index.ts";
import { busLoads, trouble } from "../bus-load.ts";
import { configArgument, defineCommand, jsonOption, openPlatform } from "../command.ts";
import { print, printJson } from "../command.ts";
import type { LoadedConfig } from "../config.ts";
import { exitCodes } from "../exit.ts";
import { busName, openPlannedSite } from "../planned-site.ts";
import { siteTopology } from "../site-topology.ts";
import { counted } from "../values.ts";

export const checkCommand = defineCommand({
  command: "check <config>",
  describe: "Check a configuration; exits 78 when it has mistakes",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("json", jsonOption)
      .example("$0 check site.yaml", "file:line:column and the nearest key for each mistake"),
  handler: async ({ config, json }) => {
    try {
      const { loaded, platform } = await openPlatform(config, "warn");
      const { devices, config: valid } = loaded;
      const rules = Object.keys(valid.rules).length;
      const unnamed = ownFields(devices);
      await using site = await openPlannedSite(loaded, platform);
      const crowded = busLoads(site.devices).flatMap((bus) => {
        const why = trouble(bus);
        return why === undefined ? [] : [`${busName(bus, site.devices)} ${why}`];
      });
      const topology = siteTopology(loaded);
      const findings = topology === undefined ? [] : paperFindings(topology);
      const grave = findings.filter(({ severity }) => severity !== "note").length;
      if (json) {
        const counts = { devices: devices.length, rules };
        printJson({ ok: true, ...counts, ownFields: unnamed, crowded, findings: grave });
      } else {
        for (const line of crowded)
          print(`warning: ${line}; \`rackstreet plan ${config}\` shows what would fit`);
        if (grave > 0)
          print(
            `warning: ${counted(grave, "finding")}; \`rackstreet topology ${config}\` tells them`,
          );
        for (const line of unnamed)
          print(`note: ${line} is not in the register (a field of your own)`);
        const counts = `${counted(devices.length, "device")}, ${counted(rules, "rule")}`;
        print(`${config}: good (${counts})`);
      }
    } catch (error) {
      if (!json || !(error instanceof ComplaintsError)) throw error;
      printJson({ ok: false, complaints: error.complaints });
      process.exitCode = exitCodes.config;
    }
  },
});

function ownFields(devices: LoadedConfig["devices"]): string[] {
  const names = devices.flatMap(({ profile }) =>
    (profile?.points ?? []).flatMap(({ measurement, fields }) =>
      Object.keys(fields)
        .filter((field) => field.startsWith("x_"))
        .map((field) => `${measurement}.${field}`),
    ),
  );
  return [...new Set(names)].toSorted();
}
