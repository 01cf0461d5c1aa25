/** Any span that one request may ask for. */
import fc from "fast-check";
import type { Span } from "../../../drivers/modbus/pdu.ts";

const registers = fc.record({
  table: fc.constantFrom("holding" as const, "input" as const),
  at: fc.integer({ min: 0, max: 0xff00 }),
  count: fc.integer({ min: 1, max: 125 }),
});

const bits = fc.record({
  table: fc.constantFrom("coil" as const, "discrete" as const),
  at: fc.integer({ min: 0, max: 0xf000 }),
  count: fc.integer({ min: 1, max: 2000 }),
});

export const spans: fc.Arbitrary<Span> = fc.oneof(registers, bits);
