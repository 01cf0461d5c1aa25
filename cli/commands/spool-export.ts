/**
 * `rackstreet spool export`: the batches of a spool as text, so that one carried away on a stick
 * can be loaded elsewhere. One piece in memory at a time.
 */
import { open, rm } from "node:fs/promises";
import type { Writable } from "node:stream";
import type { DecodedSpooled, Unloaded } from "../../agent/index.ts";
import { unload } from "../../agent/index.ts";
import { toLineProtocol } from "../../store/index.ts";
import { GatewayError, linesOf, messageOf, systemCode } from "../../telemetry/index.ts";
import { defineCommand } from "../command.ts";
import { counted } from "../values.ts";
import { findSpool, spoolOptions } from "./spool-folder.ts";

/** A batch as text, and how many lines of it no store would take. */
interface Text {
  readonly text: string;
  readonly rejected: number;
}

const formats: Readonly<Record<string, (batch: DecodedSpooled) => Text>> = {
  ndjson: ({ spooled: { topic, payload } }) => ({
    text: `{"topic":${JSON.stringify(topic)},"payload":${payload}}\n`,
    rejected: 0,
  }),
  lp: ({ spooled: { kind }, address, place, batch }) => {
    const { text, rejected } = toLineProtocol(linesOf({ ...batch, kind, address, place }));
    return { text, rejected: rejected.length };
  },
};

export const exportCommand = defineCommand({
  command: "export",
  describe: "Print what waits as NDJSON or line protocol",
  builder: (yargs) =>
    yargs
      .options(spoolOptions)
      .option("all", {
        type: "boolean",
        default: false,
        describe: "Also what is stored already and not yet removed.",
      })
      .option("format", {
        type: "string",
        default: "ndjson",
        choices: Object.keys(formats),
        describe: "ndjson: topic and payload, a line each; lp: line protocol, times in ms.",
      })
      .option("out", { type: "string", describe: "A new file; default: standard output." })
      .example("$0 spool export -c site.yaml > waiting.ndjson", "")
      .example(
        "$0 spool export --folder /media/stick/spool --format lp --out waiting.lp",
        "then: influx -import, precision ms",
      ),
  handler: async ({ config, folder, all, format, out }) => {
    const { disk } = await findSpool({ config, folder });
    const textOf = formats[format];
    if (textOf === undefined) throw new GatewayError("E_USAGE", `no format ${format}`);
    const tally = new Tally();
    const texts = async function* (): AsyncGenerator<string> {
      for await (const unloaded of unload(disk, all)) {
        const made = unloaded.batches.map((batch) => textOf(batch));
        tally.add(unloaded, made);
        yield made.map(({ text }) => text).join("");
      }
    };
    if (out === undefined) await writeAll(process.stdout, texts());
    else await writeNew(out, texts());
    process.stderr.write(`${tally.sentence}\n`);
  },
});

/** Counts what was exported and what was not. */
class Tally {
  #batches = 0;
  #damaged = 0;
  #strange = 0;
  #rejected = 0;

  add({ batches, damaged, strange }: Unloaded, made: readonly Text[]): void {
    this.#batches += batches.length;
    this.#damaged += damaged;
    this.#strange += strange;
    this.#rejected += made.reduce((sum, { rejected }) => sum + rejected, 0);
  }

  get sentence(): string {
    const skipped = [
      { count: this.#damaged, what: "damaged place" },
      { count: this.#strange, what: "undecodable record" },
      {
        count: this.#rejected,
        what: "line that no store takes",
        many: "lines that no store takes",
      },
    ].filter(({ count }) => count > 0);
    const rest = skipped.map(({ count, what, many }) => counted(count, what, many)).join(", ");
    const exported = `exported ${counted(this.#batches, "batch", "batches")}`;
    return rest === "" ? exported : `${exported}; skipped ${rest}`;
  }
}

/** Writes each text when the one before it is taken; ends early when nobody reads any more. */
async function writeAll(stream: Writable, texts: AsyncGenerator<string>): Promise<void> {
  for await (const text of texts) {
    if (text === "") continue;
    const problem = await new Promise<Error | null | undefined>((done) => stream.write(text, done));
    if (systemCode(problem) === "EPIPE") return;
    if (problem) throw new GatewayError("E_OUTPUT", messageOf(problem), { cause: problem });
  }
}

async function writeNew(path: string, texts: AsyncGenerator<string>): Promise<void> {
  // Never over a file that is there.
  const file = await open(path, "wx").catch((cause: unknown) => {
    throw new GatewayError("E_OUTPUT", `${path}: ${messageOf(cause)}`, { cause });
  });
  try {
    for await (const text of texts) await file.writeFile(text);
    await file.sync();
  } catch (cause) {
    // A part would look like the whole.
    await rm(path, { force: true });
    if (cause instanceof GatewayError) throw cause;
    throw new GatewayError("E_OUTPUT", `${path}: ${messageOf(cause)}`, { cause });
  } finally {
    await file.close();
  }
}
