/**
 * What `up` shows while it runs: a table of devices with their newest values, the ledger, the
 * alerts, and where to look next. Drawn anew on a terminal; printed now and then elsewhere.
 */
import type { Agent } from "../agent/index.ts";
import type { Transition } from "../alerts/index.ts";
import type { Timer } from "../telemetry/index.ts";
import { clock } from "./platform.ts";
import type { RunningHub } from "./run-hub.ts";
import { renderTable } from "./table.ts";
import { headline, shownAge } from "./values.ts";

const drawEvery = { terminal: 1000, plain: 10_000 } as const;
const keptTransitions = 5;
/** Lines of the page besides the rows of the table. */
const restOfPage = 18;

export interface View {
  readonly agent: Agent;
  readonly hub: RunningHub;
  readonly hints: readonly string[];
}

export class LiveView implements Disposable {
  readonly #view: View;
  readonly #terminal = process.stdout.isTTY;
  #timer: Timer;
  readonly #recent: string[] = [];

  constructor(view: View) {
    this.#view = view;
    this.#timer = this.#later();
  }

  /** Keeps the newest transitions of alerts on the page. */
  tell(transition: Transition): void {
    this.#recent.push(transitionText(transition));
    if (this.#recent.length > keptTransitions) this.#recent.shift();
    if (!this.#terminal) process.stdout.write(`${transitionText(transition)}\n`);
  }

  draw(): void {
    const clear = this.#terminal ? "\u001B[H\u001B[2J" : "";
    process.stdout.write(`${clear}${this.#page()}\n`);
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #later(): Timer {
    return clock.after(this.#terminal ? drawEvery.terminal : drawEvery.plain, () => {
      this.#timer = this.#later();
      this.draw();
    });
  }

  #page(): string {
    const { agent, hub, hints } = this.#view;
    const { ledger } = agent;
    const { shed } = ledger;
    const lost = shed.full + shed.disk + shed.damaged + shed.large;
    const alerts = hub.alerts.firing();
    const counts = hub.service.counts;
    return [
      deviceTable(agent, hub),
      "",
      `batches  offered ${ledger.offered} = stored ${ledger.stored} + queued ${ledger.queued} ` +
        `+ shed ${lost}`,
      `store    ${hub.store.title}: ${counts.points} points, ${counts.storeUp ? "up" : "DOWN"}`,
      `alerts   ${alerts.firing} firing, ${alerts.pending} pending`,
      ...(this.#terminal ? this.#recent.map((line) => `         ${line}`) : []),
      "",
      ...hints,
    ].join("\n");
  }
}

function deviceTable(agent: Agent, hub: RunningHub): string {
  const now = clock.now();
  const { devices } = agent;
  // A terminal shows what fits; the rest is counted.
  const fitting = Math.max(5, (process.stdout.rows ?? Number.POSITIVE_INFINITY) - restOfPage);
  const rows = devices.slice(0, fitting).map(({ address, state, reason, read, time, points }) => {
    const stored = Math.min(read, hub.service.storedOf(address.device));
    const age = time === undefined ? "never" : shownAge(now - time);
    const values = state === "offline" ? reason : headline(points, 3);
    return [address.device, state, values, age, String(read - stored), String(stored)];
  });
  const table = renderTable(["device", "state", "newest values", "age", "queued", "stored"], rows);
  return devices.length > rows.length ? `${table}\n + ${devices.length - rows.length} more` : table;
}

/** One transition in one line. */
export function transitionText({ rule, to, address, value, unit, severity }: Transition): string {
  const shown = value === undefined ? "" : ` at ${value} ${unit ?? ""}`.trimEnd();
  return `alert ${rule} (${severity}) ${to} on ${address.device}${shown}`;
}
