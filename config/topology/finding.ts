/** One thing that is wrong with a topology on paper. */

/** `error`: contradicts the site's own word or a rating; `note`: worth knowing. */
export const findingSeverities = ["error", "warning", "note"] as const;
export type FindingSeverity = (typeof findingSeverities)[number];

export interface Finding {
  readonly rule: string;
  readonly severity: FindingSeverity;
  readonly element: string;
  readonly sentence: string;
  readonly remedy: string;
}

/** `a, b and c`; of many the first few. */
export function list(names: readonly string[]): string {
  const most = 4;
  if (names.length > most) {
    return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
  }
  return names.length < 2
    ? names.join()
    : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
}
