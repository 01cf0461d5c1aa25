/**
 * What people do to alerts: acknowledge one until it resolves, shelve some until a time. Shelving
 * is always limited in time (ISA-18.2, IEC 62682): an alert that is put away for ever is a rule
 * that should be changed. Pure.
 */
import { v } from "../../config/index.ts";
import type { Tags } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group } from "../groups.ts";

/** Shelves of one hub; one more is refused. */
export const maxShelves = 1000;
/** Longest comment and longest name of who acts. @unit characters */
const maxComment = 500;
const maxBy = 128;

/** Which alerts: those of a rule that have all these tags (place, device, channel). */
export interface AlertPick {
  readonly rule: string;
  readonly where: Tags;
}

/** Who acts, and why. */
export interface Act {
  readonly by: string;
  readonly comment: string;
}

/** An alert that somebody looks after. */
export interface Acknowledged extends Act {
  /** @unit ms since 1970-01-01 UTC */
  readonly at: number;
}

/** Alerts that nobody is told of for a while. */
export interface Shelf extends AlertPick, Acknowledged {
  /** @unit ms since 1970-01-01 UTC */
  readonly until: number;
}

const time = v.pipe(v.number(), v.finite(), v.minValue(0));
const act = {
  by: v.pipe(v.string(), v.maxLength(maxBy)),
  at: time,
  comment: v.pipe(v.string(), v.maxLength(maxComment)),
};

/** As the snapshot holds it. */
export const acknowledgedForm = v.object(act);

/** As the snapshot holds it. */
export const shelfForm = v.object({
  ...act,
  rule: v.string(),
  where: v.record(v.string(), v.string()),
  until: time,
});

/** Whether an alert is one of those picked. */
export function isPicked({ rule, where }: AlertPick, group: Group): boolean {
  if (rule !== group.rule.id) return false;
  for (const name in where) if (tagOfGroup(name, group) !== where[name]) return false;
  return true;
}

function tagOfGroup(name: string, { tags, address, place }: Group): string | undefined {
  const said: Readonly<Record<string, string>> = { ...address, ...place, ...tags };
  return said[name];
}

/** An act in the form in which it is kept. @throws E_ALERT_ACT */
export function checkedAct({ by, comment }: Act): Act {
  // What ends up in tables and on terminals must not move the cursor.
  const clean = comment.replace(/\p{Cc}+/gu, " ").trim();
  if (clean.length > maxComment) throw refused(`a comment has at most ${maxComment} characters`);
  return { by: by.slice(0, maxBy), comment: clean };
}

/** As it was picked, for people. */
export function nameOf({ rule, where }: AlertPick): string {
  const tags = Object.entries(where).map(([name, value]) => `${name}=${value}`);
  return [rule, ...tags].join(" ");
}

/** Why an act was not done, for whoever asked for it. */
export function refused(why: string): GatewayError {
  return new GatewayError("E_ALERT_ACT", why);
}
