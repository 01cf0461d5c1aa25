/** The chain of SunSpec models. [SUNSPEC 6.1] [SUNSPEC 6.2] */
import fc from "fast-check";
import { expect, test } from "vitest";
import { profiles } from "../../../config/profiles.gen.ts";
import { profileSchema, v } from "../../../config/index.ts";
import { modbusProfile } from "../../../drivers/modbus/profile.ts";
import { simulate } from "../../../drivers/modbus/simulator.ts";
import { chainStarts, walkChain } from "../../../drivers/modbus/sunspec/chain.ts";
import { resolve } from "../../../drivers/modbus/sunspec/resolve.ts";
import { codeOf, never, openDevice, realClock, startPeer } from "./world.ts";

const block = fc.record({ model: fc.integer({ min: 1, max: 0xfffe }), length: fc.nat(300) });

test("any chain at any start is walked to its end", async () => {
  const chain = fc.tuple(fc.constantFrom(...chainStarts), fc.array(block, { maxLength: 20 }));
  await fc.assert(
    fc.asyncProperty(chain, async ([start, blocks]) => {
      const words = new Map([
        [start, 0x5375],
        [start + 1, 0x6e53],
      ]);
      let at = start + 2;
      const placed = blocks.map(({ model, length }) => {
        words.set(at, model).set(at + 1, length);
        const here = { model, at, length };
        at += 2 + length;
        return here;
      });
      words.set(at, 0xffff).set(at + 1, 0);
      const found = await walkChain((span) => {
        const both = [words.get(span.at), words.get(span.at + 1)];
        return Promise.resolve(Uint16Array.from(both, (word) => word ?? 0));
      });
      expect(found).toEqual(placed);
    }),
  );
});

test("whatever the registers hold, the walk ends", async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat(0xffff)), async (noise) => {
      let reads = 0;
      const blocks = await walkChain(({ at }) => {
        reads += 1;
        if (chainStarts.some((start) => start === at)) {
          return Promise.resolve(Uint16Array.of(0x5375, 0x6e53));
        }
        return Promise.resolve(Uint16Array.of(noise.next().value ?? 1, noise.next().value ?? 0));
      });
      expect(reads).toBeLessThan(70);
      expect(blocks?.length).toBeLessThanOrEqual(64);
    }),
  );
});

test("fields beyond a model's length are left out, others get its address", () => {
  const form = profileSchema("modbus", modbusProfile);
  const profile = v.parse(form, profiles["sunspec-meter"]);
  const { points } = resolve(profile, [{ model: 203, at: 40_070, length: 10 }]);
  const fields = points.flatMap((point) => Object.entries(point.fields));
  expect(fields.map(([name, { at }]) => `${name} ${at}`).toSorted()).toEqual([
    "current_a 40072",
    "current_a 40073",
    "current_a 40074",
    "current_a 40075",
    "voltage_v 40077",
    "voltage_v 40078",
    "voltage_v 40079",
    "voltage_v 40080",
  ]);
});

test("a field of a family that the header does not name is refused, even alone", () => {
  const form = profileSchema("modbus", modbusProfile);
  const profile = v.parse(form, profiles["sunspec-meter"]);
  const voltage_v = { at: 2, model: "meters" };
  const points = [{ measurement: "energy_meter", fields: { voltage_v } }];
  expect(() => resolve({ ...profile, points }, [])).toThrow('no family "meters"');
});

test("a simulated device is walked and read; a device without a chain says so", async () => {
  const profile = profiles["sunspec-meter"];
  const values = (): number => 42;
  await using simulated = await simulate({ profile, values, listen: {}, clock: realClock });
  await using device = await openDevice({ address: simulated.address }, profile);
  const guessed = device.session.plan?.(["default"]);
  const { points, faults } = await device.session.read(["default"], never);
  expect([faults, points.length]).toEqual([[], 5]);
  // The simulated device has what a plan supposes of one that was never asked.
  expect(guessed?.requests.length).toBeGreaterThan(0);
  expect(device.session.plan?.(["default"])).toEqual(guessed);
  await using peer = await startPeer("tcp");
  await using none = await openDevice({ address: peer.address }, profile);
  expect(await codeOf(none.session.read(["default"], never))).toBe("E_MODBUS_EXCEPTION");
});
