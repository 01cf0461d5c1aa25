/** `rackstreet spool verify`: reads every record and says what is wrong. */
import { problemsOf, survey } from "../../agent/index.ts";
import type { SpoolFacts } from "../../agent/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { defineCommand, jsonOption, print, printJson } from "../command.ts";
import { exitCodeOf } from "../exit.ts";
import { counted } from "../values.ts";
import { findSpool, Progress, spoolOptions } from "./spool-folder.ts";

export const verifyCommand = defineCommand({
  command: "verify",
  describe: "Check every record and the checkpoint; exits 69 when the spool is not whole",
  builder: (yargs) =>
    yargs
      .options(spoolOptions)
      .option("json", jsonOption)
      .example("$0 spool verify -c site.yaml", "a line for all that is wrong"),
  handler: async ({ config, folder, json }) => {
    const { path, disk } = await findSpool({ config, folder });
    const facts = await read(disk);
    const [problems, notes] = [problemsOf(facts), notesOf(facts)];
    const records = facts.segments.reduce((sum, segment) => sum + segment.records, 0);
    const segments = facts.segments.length;
    const error = new GatewayError(
      "E_SPOOL_DAMAGED",
      `${path}: ${counted(problems.length, "problem")}`,
    );
    if (json) {
      printJson({ folder: path, whole: problems.length === 0, problems, notes, records, segments });
      if (problems.length > 0) process.exitCode = exitCodeOf(error);
      return;
    }
    for (const note of notes) print(`note: ${note}`);
    for (const problem of problems) print(problem);
    if (problems.length > 0) throw error;
    print(`${path}: whole (${counted(records, "record")}, ${counted(segments, "segment")})`);
  },
});

async function read(disk: Parameters<typeof survey>[0]): Promise<SpoolFacts> {
  using progress = new Progress("verifying");
  return survey(disk, { deep: true, progress: (done, all) => progress.show(done, all) });
}

/** What a crash leaves in good order. */
function notesOf({ segments, holes, moving }: SpoolFacts): readonly string[] {
  const notes = segments.flatMap(({ name, torn }) =>
    torn === undefined ? [] : [`${name}: a tail of ${torn.length} bytes that is no record`],
  );
  if (moving) notes.push("an agent is writing: its newest records were not compared");
  else if (holes > 0) notes.push(`${counted(holes, "number")} above the checkpoint not there`);
  return notes;
}
