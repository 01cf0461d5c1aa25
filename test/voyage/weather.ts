/** What befalls a voyage at each step of its storm, and how it ends. */
import type { VoyageState } from "./state.ts";

const hour = 3_600_000;

/** One step of weather. */
export function storm(voyage: VoyageState): void {
  const { chance, clock, devices } = voyage;
  way(voyage);
  disk(voyage);
  if (chance.chance(0.01)) voyage.rows.down = !voyage.rows.down;
  if (chance.chance(0.005)) devices.silence(chance.whole(2000, 70_000));
  if (chance.chance(0.002)) voyage.agentProcess.stop(chance.whole(1000, 40_000));
  if (chance.chance(0.002)) voyage.hubProcess.stop(chance.whole(1000, 20_000));
  if (chance.chance(0.003)) {
    const far = chance.chance(0.5) ? hour : 5000;
    const ms = chance.whole(-far, far);
    voyage.jumpedBack ||= ms < 0;
    clock.jump(ms);
  }
}

function way({ chance, wire, weather }: VoyageState): void {
  if (weather.way === "open" ? !chance.chance(0.01) : !chance.chance(0.015)) return;
  const half = chance.chance(0.5) ? "deaf" : "mute";
  weather.way = weather.way !== "open" ? "open" : chance.chance(0.6) ? "cut" : half;
  wire.set(weather.way);
}

/** The disk fills up, so that the next file, or a part of it, still fits; later there is room. */
function disk({ chance, platter, weather }: VoyageState): void {
  if (chance.chance(0.003)) platter.capacity = platter.used + chance.whole(0, 20_000);
  else if (chance.chance(0.02)) platter.capacity = weather.capacity;
}

/** All faults stop. */
export function calm(voyage: VoyageState): void {
  const { rows, wire, platter, weather } = voyage;
  weather.calm = true;
  voyage.agentProcess.spare();
  voyage.hubProcess.spare();
  weather.way = "open";
  wire.set("open");
  rows.down = false;
  platter.capacity = Number.MAX_SAFE_INTEGER;
  platter.syncFailure = 0;
}
