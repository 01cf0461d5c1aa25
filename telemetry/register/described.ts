/** What the register says of a field, in the words of a `meta` payload. */
import { fieldFacts } from "./register.ts";

/** Keys with nothing to say are undefined. */
export function describeField(measurement: string, field: string): Record<string, unknown> {
  const facts = fieldFacts(measurement, field);
  return {
    type: facts?.type,
    unit: facts?.unit?.ucum,
    range: facts?.entry?.range,
    states: facts?.entry?.states,
    about: facts?.entry?.about,
  };
}
