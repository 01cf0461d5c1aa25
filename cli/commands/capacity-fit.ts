/** `rackstreet capacity fit`: which racks take more equipment, and which element stops more. */
import { fitsOf, readPower } from "../../alerts/index.ts";
import { nearest, shownRating, watts, whole } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { capacityFlags, readCapacity } from "../capacity-read.ts";
import { few, roomJson, stopText } from "../capacity-text.ts";
import { configArgument, defineCommand, jsonOption, parsedArgument } from "../command.ts";
import { print, printJson } from "../command.ts";
import { exitCodes } from "../exit.ts";
import { renderTable } from "../table.ts";
import { counted } from "../values.ts";

export const capacityFitCommand = defineCommand({
  command: "fit <config>",
  describe: "Which racks take more equipment, and what stops more",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .options(capacityFlags)
      .option("power", {
        type: "string",
        demandOption: true,
        describe: "Of each, at its lasting peak: 700W, 5.6kW.",
      })
      .option("count", { type: "number", default: 1, describe: "How many." })
      .option("units", { type: "number", describe: "Height of each, in U." })
      .option("rack", { type: "string", describe: "Only this rack." })
      .option("redundant", {
        type: "boolean",
        default: false,
        describe: "Must survive any one feed and any one UPS, whatever the rack's redundancy.",
      })
      .option("json", jsonOption)
      .example("$0 capacity fit site.yaml --power 700W --count 14", "which racks take them")
      .example("$0 capacity fit site.yaml --power 5.6kW --units 8 --redundant", "one, safely fed")
      .epilogue("Exit code 65 when no rack takes all of them alone. Power factor 1 is assumed."),
  handler: async ({ config, power, count, units, rack, redundant, json, ...given }) => {
    const wish = {
      power: parsedArgument("power", power, watts),
      count: parsedArgument("count", count, whole(1, 10_000)),
      units: units === undefined ? undefined : parsedArgument("units", units, whole(1, 60)),
      rack,
      redundant,
    };
    const { topology, capacity } = await readCapacity(config, given, readPower);
    const racks = [...topology.elements.values()].filter(({ kind }) => kind === "rack");
    const ids = racks.map(({ id }) => id);
    if (rack !== undefined && !ids.includes(rack)) {
      const near = nearest(rack, ids);
      const hint = near === undefined ? "" : `; did you mean "${near}"?`;
      throw new GatewayError("E_USAGE", `no rack ${rack}${hint}`);
    }
    const fits = fitsOf(topology, capacity.cases, wish);
    const { onPaper } = capacity.consumers;
    if (json) {
      const all = fits.map((fit) => ({ ...fit, room: roomJson(fit.room) }));
      printJson({ racks: all, onPaper });
    } else {
      const head = ["rack", "takes", "room", "what stops more"];
      const rows = fits.map(({ rack: id, takes, room, unitsLeft }) => [
        id,
        `${takes} of ${wish.count}`,
        room.watts === undefined ? "no limit known" : shownRating(room.watts, "W"),
        room.by === undefined ? heightText(unitsLeft) : stopText(room.by),
      ]);
      print(fits.length === 0 ? "there is no rack in the topology" : renderTable(head, rows));
      const whole = fits.filter(({ takes }) => takes >= wish.count).length;
      const each = `${wish.count} × ${shownRating(wish.power, "W")}`;
      print(`${counted(whole, "rack takes", "racks take")} ${each} alone`);
      if (onPaper.length > 0) print(`too little data, so as on paper: ${few(onPaper)}`);
    }
    if (!fits.some(({ takes }) => takes >= wish.count)) process.exitCode = exitCodes.data;
  },
});

function heightText(left: number | undefined): string {
  return left === undefined ? "" : `${left} U are left`;
}
