/** A clock that goes back by less than this has not jumped. @unit ms */
const sameMoment = 10;

/**
 * When a device answered: a late poll and the next may fall into one ms, and two rows of one
 * moment would be one in the store, so the later one is moved on.
 * @unit ms since 1970-01-01 UTC
 */
export function momentAfter(last: number | undefined, answered: number): number {
  if (last === undefined || answered > last || last - answered >= sameMoment) return answered;
  return last + 1;
}
