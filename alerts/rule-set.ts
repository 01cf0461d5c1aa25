/** The rules of an engine, by what they look at. */
import type { AbsenceWatch } from "./absence.ts";
import type { Compiled } from "./groups.ts";
import { compile } from "./groups.ts";
import type { AbsentRule, LiveRule, Rule, StoredRule } from "./rule.ts";

export class RuleSet {
  readonly byId: ReadonlyMap<string, Compiled>;
  /** By measurement. */
  readonly live = new Map<string, Compiled<LiveRule>[]>();
  /** By measurement. */
  readonly absent = new Map<string, AbsenceWatch[]>();
  readonly stored: readonly Compiled<StoredRule>[];

  constructor(
    rules: Readonly<Record<string, Rule>>,
    watchOf: (rule: Compiled<AbsentRule>) => AbsenceWatch,
  ) {
    const compiled = Object.entries(rules).map(([id, rule]) => compile(id, rule));
    this.byId = new Map(compiled.map((rule) => [rule.id, rule]));
    this.stored = compiled.filter(isStored);
    for (const rule of compiled) {
      const { measurement } = rule.rule;
      if (isLive(rule)) append(this.live, measurement, rule);
      if (isAbsent(rule)) append(this.absent, measurement, watchOf(rule));
    }
  }

  get watches(): readonly AbsenceWatch[] {
    return [...this.absent.values()].flat();
  }
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  lists.set(key, [...(lists.get(key) ?? []), item]);
}

function isLive(rule: Compiled): rule is Compiled<LiveRule> {
  return rule.rule.kind === "live";
}

function isStored(rule: Compiled): rule is Compiled<StoredRule> {
  return rule.rule.kind === "stored";
}

function isAbsent(rule: Compiled): rule is Compiled<AbsentRule> {
  return rule.rule.kind === "absent";
}
