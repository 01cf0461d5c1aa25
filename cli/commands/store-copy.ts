/**
 * `rackstreet store copy --from CONFIG|sqlite:PATH --to CONFIG`: rows from any engine to any
 * other. The same command goes on where an interrupted one stopped.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { duration, v } from "../../config/index.ts";
import type { CopyProgress, CopyState, Store, StoreOptions } from "../../store/index.ts";
import { copyStore, openStore } from "../../store/index.ts";
import type { Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { sqliteWorker } from "../assets.ts";
import { Stop, defineCommand, jsonOption, print, printJson } from "../command.ts";
import { loadConfig } from "../config.ts";
import { CopyFiles } from "../copy-files.ts";
import { exitCodes } from "../exit.ts";
import { clock, entropy, lockFolder, openLog } from "../platform.ts";
import { shownAge } from "../values.ts";

/** A file opened by its path keeps what it holds. */
const keepAll = {
  retention: 36_500 * 86_400_000,
  rollupRetention: 36_500 * 86_400_000,
  maxSize: 2 ** 50,
  minFree: { bytes: 0 },
} as const;

/** At most one line of progress in this time. @unit ms */
const showEvery = 250;

export const copyCommand = defineCommand({
  command: "copy",
  describe: "Copy rows from one store to another",
  builder: (yargs) =>
    yargs
      .option("from", { type: "string", demandOption: true, describe: "CONFIG or sqlite:PATH." })
      .option("to", { type: "string", demandOption: true, describe: "CONFIG or sqlite:PATH." })
      .option("measurement", { type: "string", array: true, describe: "Default: all." })
      .option("since", {
        type: "string",
        describe: "2026-01-31, or how far back: 30d. Default: all.",
      })
      .option("until", {
        type: "string",
        describe: "2026-02-28, or how far back: 1d. Default: now.",
      })
      .option("state", { type: "string", describe: "Where to note how far it came." })
      .option("json", jsonOption)
      .example("$0 store copy --from site.yaml --to influx.yaml", "from the embedded file, say")
      .example("$0 store copy --from sqlite:data/store.sqlite --to influx.yaml --since 30d", ""),
  handler: async ({ from, to, measurement, since, until, state, json }) => {
    const platform = { clock, entropy, log: openLog("warn") };
    const now = clock.now();
    const [source, target] = [await endOf(from), await endOf(to)];
    if (source.name === target.name) {
      throw new GatewayError("E_USAGE", "--from and --to are the same");
    }
    if (source.file !== undefined && !existsSync(source.file)) {
      throw new GatewayError("E_USAGE", `--from: there is no file ${source.file}`);
    }
    const path = resolve(state ?? `${source.file ?? source.name}.copy.json`);
    await using _alone = await lockFolder(path);
    await using _hub = target.hub === undefined ? undefined : await lockFolder(target.hub);
    const files = await CopyFiles.open(path, { source: source.name, target: target.name });
    const begun = await files.load();
    const first = begun ?? {
      since: since === undefined ? 0 : instantOf("since", since, now),
      until: until === undefined ? now : instantOf("until", until, now),
      done: [],
      rows: 0,
      refused: 0,
    };
    if (begun !== undefined && !json) process.stderr.write("going on with an interrupted copy\n");
    await using stores = await openBoth(source.options, target.options, platform);
    const show = showing(json);
    const last = await copied(
      { ...stores, files, measurements: measurement, progress: show.line },
      first,
      platform,
    );
    show.end();
    await files.finish();
    const refusedFile = last.refused === 0 ? undefined : join(dirname(path), files.refusedName);
    report({ last, refusedFile, took: clock.now() - now, before: first.rows }, json);
    if (last.refused > 0) process.exitCode = exitCodes.unavailable;
  },
});

interface End {
  /** Identifies it in the state file. */
  readonly name: string;
  readonly options: StoreOptions;
  /** The embedded file, where it is one. */
  readonly file: string | undefined;
  /** Folder of the hub that writes into it, where that hub must rest. */
  readonly hub: string | undefined;
}

async function endOf(text: string): Promise<End> {
  if (text.startsWith("sqlite:")) {
    const path = resolve(text.slice("sqlite:".length));
    const options = { engine: "sqlite", path, ...keepAll } as const;
    return { name: `sqlite:${path}`, options, file: path, hub: undefined };
  }
  const { file, config } = await loadConfig(text);
  const { store: options, hub } = config;
  if (options.engine !== "sqlite") return { name: file, options, file: undefined, hub: undefined };
  return { name: file, options, file: resolve(options.path), hub: hub.data };
}

/** `2026-01-31`, a time with zone, or how far back. @throws E_USAGE */
function instantOf(name: string, text: string, now: number): number {
  const back = v.safeParse(duration, text);
  if (back.success) return now - back.output;
  const time = Date.parse(text);
  if (Number.isFinite(time)) return time;
  throw new GatewayError("E_USAGE", `--${name} ${text}: write 2026-01-31 or 30d`);
}

interface Stores extends AsyncDisposable {
  readonly from: Store;
  readonly to: Store;
}

async function openBoth(
  source: StoreOptions,
  target: StoreOptions,
  platform: Platform,
): Promise<Stores> {
  await using parts = new AsyncDisposableStack();
  const worker = { worker: sqliteWorker };
  const from = parts.use(await openStore(source, platform, worker));
  const to = parts.use(await openStore(target, platform, worker));
  const kept = parts.move();
  return { from, to, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Runs the copy until it is whole or interrupted. @throws E_STORE_DOWN when it was interrupted */
async function copied(
  setup: {
    readonly from: Store;
    readonly to: Store;
    readonly files: CopyFiles;
    readonly measurements: readonly string[] | undefined;
    readonly progress: (progress: CopyProgress) => void;
  },
  state: CopyState,
  platform: Platform,
): Promise<CopyState> {
  const { files, ...rest } = setup;
  using stop = new Stop(undefined);
  const interrupted = new AbortController();
  void stop.asked.then(() => interrupted.abort());
  try {
    return await copyStore(
      {
        ...rest,
        save: (next) => files.save(next),
        refuse: (lines) => files.refuse(lines, state.until),
      },
      { state, platform },
      interrupted.signal,
    );
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    const why = "interrupted; the same command goes on from here";
    throw new GatewayError("E_STORE_DOWN", why, { cause: error });
  }
}

/** A line that renews itself, on a terminal alone. */
function showing(json: boolean): {
  readonly line: (progress: CopyProgress) => void;
  readonly end: () => void;
} {
  if (json || !process.stderr.isTTY) return { line: () => undefined, end: () => undefined };
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    line(progress) {
      if (clock.monotonic() - shownAt < showEvery) return;
      shownAt = clock.monotonic();
      process.stderr.write(`\r\u001b[K${progressText(progress)}`);
    },
    end: () => void process.stderr.write("\r\u001b[K"),
  };
}

/** `rack_power · 120,000 rows · 41,000 rows/s · at most 3 min left · 2 refused`. */
export function progressText(progress: CopyProgress): string {
  const { measurement, rows, rowsPerSecond, left, refused } = progress;
  return [
    measurement,
    `${number(rows)} rows`,
    `${number(rowsPerSecond)} rows/s`,
    ...(left === undefined ? [] : [`at most ${shownAge(left)} left`]),
    ...(refused === 0 ? [] : [`${number(refused)} refused`]),
  ].join(" · ");
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en-GB");
}

function report(
  {
    last,
    refusedFile,
    took,
    before,
  }: {
    readonly last: CopyState;
    readonly refusedFile: string | undefined;
    readonly took: number;
    readonly before: number;
  },
  json: boolean,
): void {
  const { rows, refused, done } = last;
  const rowsPerSecond = Math.round(((rows - before) / Math.max(1, took)) * 1000);
  if (json) return printJson({ rows, refused, refusedFile, measurements: done, rowsPerSecond });
  print(`${rows} rows of ${done.length} measurements, ${rowsPerSecond} rows/s`);
  if (refusedFile !== undefined) {
    print(`${refused} lines refused: ${refusedFile}; \`rackstreet store retry --file\` takes it`);
  }
}
