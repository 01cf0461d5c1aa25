/** The alerts of a hub, put together: judging, life, and the ways out. */
import type { Disk, Line, Platform } from "../telemetry/index.ts";
import type { Store } from "../store/index.ts";
import type { EngineParts, Judge } from "./engine.ts";
import { Engine } from "./engine.ts";
import type { Step } from "./evaluate.ts";
import type { Group } from "./groups.ts";
import { Groups } from "./groups.ts";
import type { Acts, LifeParts } from "./life/contract.ts";
import { Life } from "./life/life.ts";
import type { Notify, Publish, Remember } from "./outbox.ts";
import { Outbox } from "./outbox.ts";
import { readSnapshot } from "./snapshot.ts";

export interface AlertsParts extends EngineParts, Pick<LifeParts, "topology" | "gone"> {
  readonly store: Pick<Store, "query" | "write">;
  readonly disk: Disk;
  readonly publish: Publish;
  readonly notify: Notify;
  /** Where transitions are kept for the notifiers. */
  readonly remember?: Remember | undefined;
}

export interface Alerts extends Judge {
  /** What people do to alerts. */
  readonly acts: Acts;
}

/** Reads what was kept, tells the state of every kept alert again, and begins to judge. */
export async function openAlerts(parts: AlertsParts, platform: Platform): Promise<Alerts> {
  const kept = await readSnapshot(parts.disk, platform.log);
  const groups = new Groups(parts.hub, platform.log, parts.maxGroups);
  const outbox = new Outbox(
    {
      ...parts,
      groups,
      remember: (transitions) => life.remember(transitions),
      payload: (topic, time) => life.payload(topic, time),
      life: () => life.kept,
    },
    platform,
    kept.lines,
  );
  const ways = {
    advance: (group: Group, next: Step) => engine.advance(group, next),
    line: (line: Line) => outbox.line(line),
    tell: (topic: string) => outbox.tell(topic),
    kept: () => outbox.kept(),
  };
  const life = new Life({ ...parts, groups }, platform, { kept, ways });
  const engine = new Engine(parts, platform, { groups, outbox, life });
  engine.restore(kept);
  engine.start();
  return Object.assign(engine, { acts: life });
}
