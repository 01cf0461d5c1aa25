/**
 * What energy costs to know: a card whose power sensor sees 25 of each 100 ms, read every 5 s for
 * an hour of simulated time through the driver. Its counter of energy counts all; who integrates
 * the power that was read knows only what the sensor saw. `locked`: the load swings with the
 * sensor's own period; `free`: with another one, so that errors even out. [sensor: as reported of
 * A100 and H100 cards]
 */
import { profiles } from "../config/profiles.gen.ts";
import { openDevice, startExporter } from "../test/drivers/prometheus/world.ts";
import { rounded } from "./processes.ts";

const [high, low] = [700, 150];
/** Share of its period that a load is high. */
const duty = 0.4;
/** @unit ms */
const [sensorPeriod, sensorWindow, interval] = [100, 25, 5000];
const readings = 720;

/** Energy of the load until a time. @unit mJ, ms */
function energyAt(time: number, period: number): number {
  const whole = Math.floor(time / period);
  const rest = time - whole * period;
  const highTime = whole * duty * period + Math.min(rest, duty * period);
  return highTime * high + (time - highTime) * low;
}

/** What the sensor shows: the mean of its last window. @unit W */
function seenAt(time: number, period: number): number {
  const from = Math.floor(time / sensorPeriod) * sensorPeriod - sensorPeriod;
  return (energyAt(from + sensorWindow, period) - energyAt(from, period)) / sensorWindow;
}

/** Errors against the truth over the hour. @unit % */
async function errorsOf(period: number) {
  let time = 1000;
  await using exporter = await startExporter(() => {
    const labels = `{gpu="0",UUID="GPU-0"}`;
    const energy = Math.floor(7.2e9 + energyAt(time, period));
    const power = seenAt(time, period).toFixed(3);
    return (
      `DCGM_FI_DEV_POWER_USAGE${labels} ${power}\n` +
      `DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION${labels} ${energy}\n`
    );
  });
  const options = { url: exporter.url };
  await using device = await openDevice({ options, profile: profiles["dcgm-exporter"] });
  const told: { readonly energy: number; readonly power: number }[] = [];
  for (let n = 0; n <= readings; n += 1) {
    const { points } = await device.session.read(device.all, new AbortController().signal);
    const fields = points[0]?.fields ?? {};
    told.push({ energy: Number(fields["energy_wh_total"]), power: Number(fields["power_w"]) });
    if (n < readings) time += interval;
  }
  const truth = (energyAt(time, period) - energyAt(1000, period)) / 3_600_000;
  const counted = (told.at(-1)?.energy ?? 0) - (told[0]?.energy ?? 0);
  const sum = told.slice(1).reduce((all, { power }) => all + (power * interval) / 3_600_000, 0);
  const error = (found: number): number => rounded((100 * (found - truth)) / truth);
  return { truth_wh: rounded(truth), counter_pct: error(counted), power_pct: error(sum) };
}

export async function energyErrors() {
  return { locked: await errorsOf(sensorPeriod), free: await errorsOf(313) };
}
