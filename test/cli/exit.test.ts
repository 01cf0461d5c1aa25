/** Exit codes: what a service manager does next depends on them. */
import { describe, expect, test } from "vitest";
import { exitCodeOf } from "../../cli/exit.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Code } from "../../telemetry/index.ts";

describe("exitCodeOf", () => {
  test.each<[Code, number, string]>([
    ["E_USAGE", 64, "a command line that was not understood"],
    ["E_VALUE", 69, "what will never do"],
    ["E_BUG", 70, "our own bug"],
    ["E_CONNECT", 75, "what may do later"],
    ["E_CONFIG", 78, "what a person must change"],
    ["E_ADDRESS_IN_USE", 78, "an address that another program has"],
  ])("of %s is %i: %s", (code, exit) => {
    expect(exitCodeOf(new GatewayError(code, "x"))).toBe(exit);
  });

  test("of anything else is 70: nobody foresaw it", () => {
    expect([new TypeError("x"), "x", undefined].map(exitCodeOf)).toEqual([70, 70, 70]);
  });
});
