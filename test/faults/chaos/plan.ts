/**
 * What goes wrong and when, from a seed: kill -9, pauses, starvation, links that are cut, hang,
 * reset or crawl, wires that are pulled, disks that are full.
 */
import { spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import type { Chance } from "../../voyage/chance.ts";
import type { Subject, World } from "./world.ts";

export type FaultKind = "kill" | "pause" | "cut" | "fill" | "starve";

export interface Fault {
  readonly kind: FaultKind;
  /** Two faults of the same thing wait for each other. */
  readonly thing: string;
  readonly name: string;
  /** @unit ms since the beginning */
  readonly at: number;
  /** How long it lasts. @unit ms */
  readonly length: number;
}

/** How long faults last and how far they lie apart. @unit ms */
const lengths: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [0, 4000],
  pause: [300, 7000],
  cut: [200, 8000],
  fill: [1000, 6000],
  starve: [1000, 5000],
};
const apart = [200, 2500] as const;

const subjects = ["agent", "hub", "influxd", "mosquitto"] as const;
const processFaults = subjects.flatMap((subject) => [
  { kind: "kill" as const, thing: subject, name: `kill -9 ${subject}` },
  { kind: "pause" as const, thing: subject, name: `SIGSTOP ${subject}` },
]);
const linkFaults = ["uplink", "store link"].flatMap((thing) =>
  ["cut", "hang", "hang and reset", "slow", "reset"].map((how) => {
    return { kind: "cut" as const, thing, name: `${thing}: ${how}` };
  }),
);
const starvation = [{ kind: "starve" as const, thing: "cpu", name: "starve" }];
const kernelFaults = [
  { kind: "cut" as const, thing: "uplink", name: "wire pulled" },
  { kind: "cut" as const, thing: "uplink", name: "wire pulled" },
  { kind: "fill" as const, thing: "spool disk", name: "spool disk full" },
  { kind: "fill" as const, thing: "influxd", name: "log disk full" },
];

/** The faults of a voyage of `ms`, in order. */
export function planOf(chance: Chance, ms: number, kernel: boolean): readonly Fault[] {
  const table = [...processFaults, ...linkFaults, ...starvation, ...(kernel ? kernelFaults : [])];
  const plan: Fault[] = [];
  for (let at = 2000; at < ms; at += chance.whole(...apart)) {
    const fault = table[chance.whole(0, table.length - 1)];
    if (fault === undefined) continue;
    plan.push({ ...fault, at, length: chance.whole(...lengths[fault.kind]) });
  }
  return plan;
}

/** Does it, and heals it after its time. */
export async function strike(world: World, { kind, thing, name, length }: Fault): Promise<void> {
  switch (kind) {
    case "kill": {
      const victim = world.victims[subjectOf(thing)];
      await victim.kill9();
      await setTimeout(length);
      return restart(victim);
    }
    case "pause": {
      const { pid } = world.victims[subjectOf(thing)];
      process.kill(pid, "SIGSTOP");
      await setTimeout(length);
      process.kill(pid, "SIGCONT");
      return;
    }
    case "cut":
      return cut(world, { thing, name, length });
    case "fill": {
      const log = thing === "influxd";
      const disk = world.disks?.[log ? 1 : 0];
      disk?.fill();
      await setTimeout(length);
      disk?.empty();
      return log ? mendLog(world) : undefined;
    }
    case "starve":
      return starve(length);
  }
}

/**
 * What a person must do after the log of InfluxDB 1.6.7 found no space. It answers 500 to every
 * write until it is started again. And that start cuts the torn end off the log, but goes on
 * writing where that end was: behind a hole, at which the next start cuts off all that was
 * acknowledged since. So it is started twice before anything is written.
 */
function mendLog({ influxd, storeLink }: World): Promise<void> {
  return storeLink.barredFor(async () => {
    for (let time = 0; time < 2; time += 1) {
      await influxd.kill9();
      await restart(influxd);
    }
  });
}

function subjectOf(thing: string): Subject {
  const subject = subjects.find((one) => one === thing);
  if (subject === undefined) throw new Error(`no process ${thing}`);
  return subject;
}

/** A database on a full disk may not come up: then again, until it does. */
async function restart(victim: World["victims"][Subject]): Promise<void> {
  for (;;) {
    try {
      return await victim.restart();
    } catch {
      await setTimeout(500);
    }
  }
}

async function cut(
  { uplink, storeLink, namespace }: World,
  { thing, name, length }: Pick<Fault, "thing" | "name" | "length">,
): Promise<void> {
  const link = thing === "uplink" ? uplink : storeLink;
  if (name === "wire pulled") namespace?.pull();
  else if (name.endsWith("cut")) link.cut();
  else if (name.endsWith("slow")) link.slow(100);
  else if (name.includes("hang")) link.hang();
  if (name.endsWith("reset") && !name.includes("hang")) link.reset();
  else await setTimeout(length);
  if (name.endsWith("hang and reset")) link.reset();
  link.heal();
  if (name === "wire pulled") namespace?.plug();
}

/** As many greedy neighbours as there are cores, and a few more. */
async function starve(length: number): Promise<void> {
  const hogs = Array.from({ length: 6 }, () =>
    spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }),
  );
  await setTimeout(length);
  for (const hog of hogs) hog.kill("SIGKILL");
}
