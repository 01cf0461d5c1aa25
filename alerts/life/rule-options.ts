/**
 * What a rule says of other alerts: which it makes needless while it fires, and whether it means
 * that equipment of the topology has failed.
 */
import { option, text, v } from "../../config/index.ts";

/** How near two alerts must be for one to inhibit the other. */
export const scopes = ["device", "rack", "zone", "site"] as const;
export type Scope = (typeof scopes)[number];

/** The rule of alerts that the hub makes itself: one thing behind the silence of many devices. */
export const commonCause = "common-cause";

/** The most rules that one rule may inhibit. */
const maxInhibited = 100;

/** What a rule says of other alerts. */
export interface Influence {
  /** Rules whose alerts are not told while this one fires. */
  readonly inhibits: readonly string[];
  /** How near those alerts must be. */
  readonly near: Scope;
  /** It means that what its device measures brings no power any more. */
  readonly failure: boolean;
}

export const influenceEntries = {
  inhibits: option(
    v.optional(v.pipe(v.array(text), v.maxLength(maxInhibited, `at most ${maxInhibited}`)), []),
    {
      about: "Rules whose alerts nobody is told of while this one fires: critical over warning.",
    },
  ),
  near: option(v.optional(v.picklist(scopes), "device"), {
    about: "How near the inhibited alerts are: of the same device (and channel), rack, zone, site.",
    example: "device",
  }),
  failure: option(v.optional(v.boolean(), false), {
    about:
      "It means that what the device measures brings no power any more: alerts of all that only " +
      "this feeds, by the topology, are its consequences.",
    example: true,
  }),
};

/** What is wrong with the names of rules, by the rule that is at fault. */
export function influenceProblems(
  rules: Readonly<Record<string, Influence>>,
): readonly { readonly path: readonly [string, ...string[]]; readonly message: string }[] {
  return Object.entries(rules).flatMap(([id, { inhibits }]) => [
    ...(id === commonCause
      ? [{ path: [id] as const, message: `"${id}" is the hub's own rule; choose another name` }]
      : []),
    ...inhibits.flatMap((other) => {
      const path = [id, "inhibits"] as const;
      if (other === id) return [{ path, message: "a rule cannot inhibit itself" }];
      if (Object.hasOwn(rules, other)) return [];
      return [{ path, message: `there is no rule "${other}"` }];
    }),
  ]);
}
