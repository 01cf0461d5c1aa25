/**
 * A short piece of chaos (`npm run -s chaos` gives longer ones): after kills, pauses, cut links and
 * full disks at random moments nothing is missing, nothing is there twice, and all of it is true.
 */
import { describe, expect, test } from "vitest";
import { needs } from "../peers.ts";
import { chaos } from "./chaos/chaos.ts";

const present = [
  needs("influxd", "influxdb"),
  needs("mosquitto", "mosquitto"),
  needs("mosquitto_sub", "mosquitto-clients"),
].every(Boolean);

describe.skipIf(!present)("chaos", () => {
  test.each([
    { seed: 1, outside: false },
    { seed: 2, outside: true },
  ])(
    "of seed $seed: nothing missing, nothing double",
    async ({ seed, outside }) => {
      const said: string[] = [];
      const say = (text: string): void => void said.push(text);
      const { broken, ...counts } = await chaos({ seed, length: 20_000, outside, say });
      expect(broken, said.join("\n")).toEqual([]);
      expect(counts).toMatchObject({ missing: 0, doubled: 0, refused: 0 });
      expect(counts.offered).toBeGreaterThan(100);
      expect(counts.samples).toBeGreaterThan(100);
      expect(counts.kills + counts.cuts + counts.pauses).toBeGreaterThan(5);
    },
    500_000,
  );
});
