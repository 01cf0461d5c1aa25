/**
 * A tool of a card maker that prints recordings: a real program, run as a real child process. A
 * folder of recordings has a file for each command, named after its arguments (`-q -x` → `q-x.xml`,
 * `info -t ecc -i 0` → `info-t-ecc-i-0.txt`); a file `.exit` beside it holds the exit code.
 *
 * `query-gpu.csv` has headings, of which the tool prints those that are asked for, and knows no
 * other; spellings of one heading stand with | between. A line that begins with ! is said as it
 * stands; with !! it is said and ends the run, unless `-i` names the cards.
 */
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { readFileSync, writeFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const script = String.raw`#!${process.execPath}
const fs = require("node:fs");
const path = require("node:path");
const dir = __dirname;
const args = process.argv.slice(2);
const log = path.join(dir, "asked.log");
const note = (what) => fs.appendFileSync(log, process.pid + " " + what + "\n");
const silent = () => fs.existsSync(path.join(dir, "silent"));
const fileOf = (key) => {
  const found = fs.readdirSync(path.join(dir, "device"))
    .find((name) => name.startsWith(key + ".") && !name.endsWith(".exit"));
  return found === undefined ? undefined : path.join(dir, "device", found);
};
const exitOf = (key) => {
  try { return Number(fs.readFileSync(path.join(dir, "device", key + ".exit"), "utf8")); }
  catch { return 0; }
};
note(args.join(" "));
const table = () => {
  const [head = "", ...lines] = fs.readFileSync(fileOf("query-gpu"), "utf8").split("\n");
  return { names: head.split(", ").map((name) => name.split("|")), lines: lines.filter(Boolean) };
};
const help = () => table().names
  .map((names) => names.map((name) => '"' + name + '"').join(" or ") + "\nWhat it is.\n")
  .join("\n");
const query = () => {
  const asked = args[0].slice("--query-gpu=".length).split(",");
  const only = args.includes("-i") ? args[args.indexOf("-i") + 1].split(",") : undefined;
  const { names, lines } = table();
  for (const name of asked) {
    if (names.some((all) => all.includes(name))) continue;
    console.log('Field "' + name + '" is not a valid field to query.\n');
    process.exit(2);
  }
  const uuid = names.findIndex((all) => all.includes("uuid"));
  let text = "";
  for (const line of lines) {
    if (line.startsWith("!!")) {
      if (only) continue;
      process.stdout.write(text + line.slice(2) + "\n");
      process.exit(15);
    }
    if (line.startsWith("!")) { text += line.slice(1) + "\n"; continue; }
    const cells = line.split(", ");
    if (only && !only.includes(cells[uuid])) continue;
    const row = asked.map((name) => cells[names.findIndex((all) => all.includes(name))]);
    text += row.join(", ") + "\n";
  }
  process.stdout.write(text);
};
const loop = args.indexOf("-lms");
if (loop >= 0) {
  const round = () => (silent() ? note("keeps silent") : query());
  round();
  setInterval(round, Number(args[loop + 1]));
} else if (silent()) {
  setInterval(() => undefined, 1e6);
} else {
  const key = args.map((arg) => arg.replace(/^-+/, "")).join("-").replaceAll(/[^\w-]/g, "-");
  const file = fileOf(key);
  if (file !== undefined) {
    process.stdout.write(fs.readFileSync(file));
    process.exitCode = exitOf(key);
  } else if (key === "help-query-gpu" && fileOf("query-gpu") !== undefined) {
    process.stdout.write(help());
  } else {
    console.error("this is not supported here");
    process.exitCode = 3;
  }
}
`;

export class RecordedTool implements AsyncDisposable {
  readonly #dir: string;
  readonly program: string;

  private constructor(dir: string, name: string) {
    this.#dir = dir;
    this.program = join(dir, name);
  }

  /** A tool of this name; `recordings` is a folder, laid under it. */
  static async create(name: string, recordings?: string): Promise<RecordedTool> {
    const dir = await mkdtemp(join(tmpdir(), "rackstreet-cards-"));
    const tool = new RecordedTool(dir, name);
    await mkdir(join(dir, "device"));
    if (recordings !== undefined) await cp(recordings, join(dir, "device"), { recursive: true });
    await writeFile(join(dir, "asked.log"), "");
    await writeFile(tool.program, script);
    await chmod(tool.program, 0o755);
    return tool;
  }

  /** Replaces what one command prints. */
  record(file: string, content: string): void {
    writeFileSync(join(this.#dir, "device", file), content);
  }

  forget(file: string): void {
    rmSync(join(this.#dir, "device", file), { force: true });
  }

  recorded(file: string): Promise<string> {
    return readFile(join(this.#dir, "device", file), "utf8");
  }

  /** Runs so far, `PID ARGUMENTS`. */
  get asked(): readonly string[] {
    return readFileSync(join(this.#dir, "asked.log"), "utf8").split("\n").filter(Boolean);
  }

  /** From now on it prints nothing; the result tells whether it was asked since. */
  fallSilent(): () => boolean {
    writeFileSync(join(this.#dir, "silent"), "");
    const before = this.asked.length;
    return () => this.asked.length > before;
  }

  wake(): void {
    rmSync(join(this.#dir, "silent"), { force: true });
  }

  /** Runs that have not ended. */
  get running(): readonly number[] {
    const pids = new Set(this.asked.map((line) => Number(line.split(" ", 1)[0])));
    return [...pids].filter((pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    });
  }

  /** Ends a run as the system would, out of memory. */
  kill(pid: number): void {
    process.kill(pid, "SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}
