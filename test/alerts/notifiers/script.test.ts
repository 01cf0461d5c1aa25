/** The notifier that runs a program: the exam, and that nothing outlives it. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Notifier } from "../../../alerts/notifiers/contract.ts";
import { notifierOf } from "../../../alerts/notifiers/registry.ts";
import { clock } from "../../../cli/platform.ts";
import { eventNamed, messageOf, notifierExam } from "../../contract/notifier.ts";
import { until } from "../../until.ts";
import { parseNotify } from "./rig.ts";

const never = new AbortController().signal;
const patience = { timeout: 20_000, interval: 20 };

/** Keeps each message as a line; the mood is a file, so that a test can turn it. */
const keeper = `
case $(cat "$FOLDER/mood") in
  hangs) sleep 600 & echo $! > "$FOLDER/child"; wait ;;
  fails) echo "try later" >&2; exit 1 ;;
  refuses) echo "no such thing" >&2; exit 65 ;;
  *) cat >> "$FOLDER/got"; tr '\\0' ' ' < /proc/$$/cmdline >> "$FOLDER/argv" ;;
esac
`;

async function receiver() {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-script-"));
  await writeFile(join(folder, "mood"), "takes");
  await writeFile(join(folder, "keep.sh"), keeper);
  const text = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
  const { it: options } = parseNotify(
    `it: { kind: script, program: /bin/sh, args: ["${folder}/keep.sh"],
       environment: { FOLDER: "${folder}", KEY: "k3y" } }`,
  );
  if (options === undefined) throw new Error("no notifier");
  const notifier: Notifier = notifierOf(options, { clock });
  return {
    folder,
    text,
    notifier,
    received: async () => (await text("got")).trim().split("\n"),
    turn: (mood: string) => writeFile(join(folder, "mood"), mood),
    secrets: ["k3y"],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

notifierExam({ name: "script", start: receiver });

describe("script", () => {
  it("says nothing of the message in its arguments", async () => {
    await using one = await receiver();
    await one.notifier.send(messageOf([eventNamed("t1")]), never);
    const argv = await one.text("argv");
    expect(argv).toContain("keep.sh");
    expect(argv).not.toMatch(/t1|k3y|rack-hot/);
  });

  it("kills what the program started when it is given up", async () => {
    await using one = await receiver();
    await one.turn("hangs");
    const stop = new AbortController();
    const sent = one.notifier.send(messageOf([]), stop.signal);
    sent.catch(() => undefined);
    const begun = (): Promise<boolean> =>
      one.text("child").then(
        (pid) => pid !== "",
        () => false,
      );
    expect(await until(begun, patience)).toBe(true);
    const pid = Number(await one.text("child"));
    stop.abort();
    await expect(sent).rejects.toThrow("given up");
    expect(await until(async () => !(await isAlive(pid)), patience)).toBe(true);
  });

  it("tells a program that is not there by its name", async () => {
    const { it: options } = parseNotify("it: { kind: script, program: /no/such/program }");
    if (options === undefined) throw new Error("no notifier");
    const sent = notifierOf(options, { clock }).send(messageOf([]), never);
    await expect(sent).rejects.toMatchObject({
      code: "E_PROGRAM_MISSING",
      message: "/no/such/program: is not there",
    });
  });
});

/** A zombie that nobody has buried yet is dead. */
function isAlive(pid: number): Promise<boolean> {
  return readFile(`/proc/${pid}/stat`, "utf8").then(
    (stat) => !/\) Z /.test(stat),
    () => false,
  );
}
