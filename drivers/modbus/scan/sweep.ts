/**
 * Asks one unit after the other on one wire and keeps account of who is there. Any valid frame of
 * a unit proves it, an exception too. What is odd becomes a suspicion, never a device: damaged
 * answers, two answers to one request, one device that answers to every address.
 */
import type { Ask, Heard, Wire } from "./wire.ts";
import { exceptionIn } from "./wire.ts";

/** A unit that is there. */
export interface Presence {
  readonly unit: number;
  /** From the end of the request until its answer. @unit ms */
  readonly after: number;
  /** It refused what it was asked. [MODBUS-AP 7] */
  readonly exception?: number | undefined;
  /** What to know of it, in sentences. */
  readonly notes: readonly string[];
}

export interface Suspicion {
  readonly kind: "damaged" | "twice" | "everyone" | "noise" | "stranger" | "gateway";
  readonly unit?: number | undefined;
  readonly what: string;
}

export interface SweepParts {
  readonly wire: Wire;
  /** The question that every unit is asked. */
  readonly pdu: Uint8Array;
  /** @unit ms */
  readonly timeout: number;
  /** How long a slow unit may take, once it is known to be there. @unit ms */
  readonly patience: number;
  readonly signal: AbortSignal;
  /** Whether gateways are to be expected: on a serial line one is worth a remark. */
  readonly gateways: boolean;
  /** Called after each unit; false ends the sweep. */
  readonly visited: (unit: number) => Promise<boolean>;
}

/** A gateway's "there is no such unit". [MODBUS-AP 7] */
export const nobody: ReadonlySet<number | undefined> = new Set([10, 11]);

/** Times a unit is asked whose answers come damaged. */
const tries = 3;

/** Units in a row that answer damaged: the line is not readable at this setting. */
const noisyAfter = 6;

/** Late units after which all are given more time: this much of what the last one took. */
const slowLine = 2;
const slowMargin = 1.3;
/** @unit ms */
const slowest = 1000;

/** Units that all answer, after which addresses are asked that nobody may have. */
const everyoneAfter = 8;

/** Reserved: no device has these. [MODBUS-RTU 2.2] */
const reserved = [250, 253];

/** Suspicions kept of one sweep. */
const suspicionLimit = 64;

export class Sweep {
  readonly found = new Map<number, Presence>();
  readonly suspicions: Suspicion[] = [];
  readonly #parts: SweepParts;
  /** Requests and answers by unit: more answers than requests are two devices. */
  readonly #asked = new Map<number, number>();
  readonly #heard = new Map<number, number>();
  readonly #late = new Set<number>();
  #timeout: number;
  /** Units that answered later than that. */
  #lates = 0;
  #visits = 0;
  #damagedInRow = 0;
  #checkedEveryone = false;

  constructor(parts: SweepParts, known: readonly Presence[] = []) {
    this.#parts = parts;
    this.#timeout = parts.timeout;
    for (const presence of known) this.found.set(presence.unit, presence);
  }

  /**
   * Asks these units; true when the rest of the wire need not be asked: it is noise, or one
   * device that is everybody.
   * @throws E_DISCONNECTED
   */
  async run(units: readonly number[]): Promise<boolean> {
    for (const unit of units) {
      const known = this.found.has(unit);
      if (!known) await this.#visit(unit);
      await this.#confirmLate();
      const goOn = await this.#parts.visited(unit);
      if (this.#damagedInRow >= noisyAfter) return this.#noisy();
      if (await this.#isEveryone()) return true;
      if (!goOn) return false;
    }
    // The last one may be slow as well.
    await this.#parts.wire.listen(this.#timeout, this.#parts.signal);
    this.#account();
    await this.#confirmLate();
    return false;
  }

  async #visit(unit: number): Promise<void> {
    this.#visits += 1;
    const damaged: Uint8Array[] = [];
    for (let attempt = 0; attempt < tries; attempt += 1) {
      if (attempt > 0) await this.#parts.wire.listen(this.#timeout, this.#parts.signal);
      const heard = await this.#ask({ unit, timeout: this.#timeout, anyAnswer: true });
      const disturbed = this.#account();
      if (heard.kind === "answer") {
        this.#damagedInRow = 0;
        return this.#note(unit, heard, damaged.length);
      }
      if (heard.kind === "damaged") damaged.push(heard.bytes);
      else if (!disturbed) break;
    }
    if (damaged.length === 0) {
      this.#damagedInRow = 0;
      return;
    }
    this.#damagedInRow += 1;
    this.#suspect({
      kind: "damaged",
      unit,
      what:
        `unit ${unit}: ${damaged.length} damaged answers and no good one (${hex(damaged[0])}): ` +
        "two devices with this address, or noise; unplug one and search again",
    });
  }

  #note(unit: number, heard: Heard & { readonly kind: "answer" }, damaged: number): void {
    const exception = exceptionIn(heard.pdu);
    if (nobody.has(exception)) return this.#noteGateway(unit, exception);
    const notes = damaged === 0 ? [] : [`${damaged} of ${damaged + 1} answers came damaged`];
    if (damaged > 0) {
      const what = `unit ${unit}: ${notes[0]}: two devices with this address, or noise`;
      this.#suspect({ kind: "damaged", unit, what });
    }
    this.found.set(unit, { unit, after: heard.after, exception, notes });
  }

  #noteGateway(unit: number, exception: number | undefined): void {
    if (this.#parts.gateways) return;
    const what = `unit ${unit}: exception ${exception}: a gateway answers for who is not there`;
    this.#suspectOnce("gateway", { kind: "gateway", unit, what });
  }

  async #ask(ask: Omit<Ask, "pdu">): Promise<Heard> {
    const { wire, pdu, signal } = this.#parts;
    const { unit } = ask;
    const heard = await wire.ask({ ...ask, pdu }, signal);
    const sent = heard.kind === "silence" ? heard.sent : 1;
    this.#asked.set(unit, (this.#asked.get(unit) ?? 0) + sent);
    if (heard.kind === "answer") this.#heard.set(unit, (this.#heard.get(unit) ?? 0) + 1);
    return heard;
  }

  /** What came out of turn; true when it may have disturbed the last request. */
  #account(): boolean {
    const strays = this.#parts.wire.takeStrays();
    for (const { unit, pdu, request } of strays) {
      const asked = this.#asked.get(unit) ?? 0;
      if (request || asked === 0) {
        this.#suspectOnce("stranger", {
          kind: "stranger",
          what:
            "frames that belong to no request of ours: another master is on this line; " +
            "stop it while you search",
        });
        continue;
      }
      if (nobody.has(exceptionIn(pdu))) continue;
      this.#heard.set(unit, (this.#heard.get(unit) ?? 0) + 1);
      if ((this.#heard.get(unit) ?? 0) > asked) {
        const what = `unit ${unit}: two answers to one request: two devices have this address`;
        this.#suspectOnce(`twice ${unit}`, { kind: "twice", unit, what });
      } else if (!this.found.has(unit)) {
        this.#late.add(unit);
      }
    }
    return strays.length > 0;
  }

  /** Asks again, patiently, who answered too late: that it is there is proved already. */
  async #confirmLate(): Promise<void> {
    const { patience } = this.#parts;
    for (const unit of this.#late) {
      this.#late.delete(unit);
      const heard = await this.#ask({ unit, timeout: patience });
      this.#account();
      const answered = heard.kind === "answer";
      const exception = answered ? exceptionIn(heard.pdu) : undefined;
      if (nobody.has(exception)) continue;
      const after = answered ? heard.after : patience;
      const took = `answers after ${answered ? "" : "more than "}${Math.round(after)} ms`;
      this.found.set(unit, { unit, after, exception, notes: [took] });
      this.#lates += 1;
      // One is an odd device, several are a slow line: each late answer disturbs who is next.
      const slower = Math.min(slowest, slowMargin * after);
      if (this.#lates >= slowLine) this.#timeout = Math.max(this.#timeout, slower);
    }
  }

  /** Whether one device answers to every address. */
  async #isEveryone(): Promise<boolean> {
    const allAnswered = this.found.size === this.#visits && this.#visits >= everyoneAfter;
    if (!allAnswered || this.#checkedEveryone) return false;
    this.#checkedEveryone = true;
    for (const unit of reserved) {
      const heard = await this.#ask({ unit, timeout: this.#timeout });
      this.#account();
      const exception = heard.kind === "answer" ? exceptionIn(heard.pdu) : undefined;
      if (heard.kind !== "answer" || nobody.has(exception)) return false;
    }
    const [first] = this.found.values();
    this.found.clear();
    if (first === undefined) return false;
    const what = "answers to every address, even to those that no device may have";
    this.found.set(first.unit, { ...first, notes: [...first.notes, what] });
    this.#suspect({
      kind: "everyone",
      what: `one device ${what}: others on this line cannot be told from it; unplug it first`,
    });
    return true;
  }

  #noisy(): boolean {
    this.suspicions.splice(0, this.suspicions.length);
    this.#suspect({
      kind: "noise",
      what:
        "nothing but damaged bytes: another speed or parity, A and B swapped, no termination, " +
        "or a device that talks by itself",
    });
    return true;
  }

  readonly #said = new Set<string>();

  #suspectOnce(key: string, suspicion: Suspicion): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#suspect(suspicion);
  }

  #suspect(suspicion: Suspicion): void {
    if (this.suspicions.length < suspicionLimit) this.suspicions.push(suspicion);
  }
}

/** Most bytes shown of a damaged answer. */
const shownBytes = 12;

function hex(bytes: Uint8Array | undefined): string {
  const text = Buffer.from(bytes?.subarray(0, shownBytes) ?? []).toString("hex");
  return text.replaceAll(/(..)(?=.)/g, "$1 ");
}
