/** What holds for all drivers together. */
import { expect, test } from "vitest";
import { drivers } from "../../drivers/index.ts";

/** What every device may say, whatever its driver (cli/schema.ts). */
const common = ["driver", "profile", "class", "zone", "rack", "interval", "allow", "simulate"];

test.each(Object.entries(drivers))("%s is called as it is listed", (name, kind) => {
  expect(kind.name).toBe(name);
});

test.each(Object.values(drivers))("$name has no option that every device has", ({ options }) => {
  // It would be taken for both: a station's time zone became the place of its points.
  expect(Object.keys(options).filter((option) => common.includes(option))).toEqual([]);
});
