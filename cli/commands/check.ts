/** `rackstreet check`: every mistake of a configuration, without touching hardware. */
import { ComplaintsError } from "../../config/index.ts";
import { configArgument, defineCommand, jsonOption, print, printJson } from "../command.ts";
import { loadConfig } from "../config.ts";
import { exitCodes } from "../exit.ts";

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
      const { devices, config: valid } = await loadConfig(config);
      const rules = Object.keys(valid.rules).length;
      const unnamed = ownFields(devices);
      if (json) printJson({ ok: true, devices: devices.length, rules, ownFields: unnamed });
      else {
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

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function ownFields(devices: Awaited<ReturnType<typeof loadConfig>>["devices"]): string[] {
  const names = devices.flatMap(({ profile }) =>
    (profile?.points ?? []).flatMap(({ measurement, fields }) =>
      Object.keys(fields)
        .filter((field) => field.startsWith("x_"))
        .map((field) => `${measurement}.${field}`),
    ),
  );
  return [...new Set(names)].toSorted();
}
