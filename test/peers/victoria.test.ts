/** The engine for lines against a real VictoriaMetrics, whose yes is not yet on its disk. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { needs } from "../peers.ts";
import type { Said } from "../store/rig.ts";
import { realPlatform } from "../store/rig.ts";
import type { Victoria } from "./victoria.ts";
import { startVictoria } from "./victoria.ts";

const signal = new AbortController().signal;
const start = Date.now() - 86_400_000;

function lines(device: string, from: number, count: number): Line[] {
  return Array.from({ length: count }, (_, at) => {
    const fields = { active_power_w: from + at, energy_wh_total: at };
    return {
      measurement: "rack_power",
      tags: { device },
      fields,
      time: start + 1000 * (from + at),
    };
  });
}

describe.skipIf(!needs("victoria-metrics", "victoria-metrics"))("VictoriaMetrics", () => {
  let victoria: Victoria;
  beforeAll(async () => {
    victoria = await startVictoria();
  });
  afterAll(() => victoria[Symbol.asyncDispose]());

  const open = (more: object = {}, said: Said[] = []): Promise<Store> => {
    const options = { engine: "lines", url: victoria.url, ...more };
    return openStore(v.parse(storeOptions, options), realPlatform(said));
  };

  const times = async (device: string): Promise<readonly number[]> => {
    const series = await victoria.exported(`rack_power_active_power_w{device="${device}"}`);
    return series.flatMap(({ timestamps }) => timestamps);
  };

  test.each([
    ["", "influxdb1"],
    ["/influx", "influxdb1"],
    ["", "influxdb2"],
    ["/influx", "influxdb2"],
  ])("under %j as %s: everything is read back", async (base, dialect) => {
    const device = `d${base.length}${dialect}`;
    await using store = await open({ url: `${victoria.url}${base}`, dialect });
    const result = await store.write(lines(device, 0, 2000), signal);
    expect(result).toEqual({ accepted: 2000, rejected: [] });
    const [power] = await victoria.exported(`rack_power_active_power_w{device="${device}"}`);
    expect(power?.values).toEqual(Array.from({ length: 2000 }, (_, at) => at));
    expect(await victoria.exported(`rack_power_energy_wh_total{device="${device}"}`)).toHaveLength(
      1,
    );
  });

  test("killed while we write: what it took is sent again, nothing is lost", async () => {
    await using store = await open({ resend: "60s" });
    const write = async (from: number): Promise<void> => {
      await store.write(lines("killed", from, 100), signal);
    };
    for (let at = 0; at < 10; at += 1) await write(100 * at);
    await victoria.kill9();
    const failed = await write(1000).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(GatewayError);
    await victoria.restart();
    await vi.waitFor(() => write(1000));
    await victoria.kill9();
    // No write fails this time: the new connection alone says that it was away.
    await victoria.restart();
    await vi.waitFor(() => write(1100));
    expect(await times("killed")).toEqual(lines("killed", 0, 1200).map(({ time }) => time));
  });

  test("what it drops behind a yes is read from its own counters", async () => {
    const said: Said[] = [];
    let elapsed = 0;
    const real = realPlatform(said);
    const platform = { ...real, clock: { ...real.clock, monotonic: () => elapsed } };
    const options = { engine: "lines", url: victoria.url, metrics: "/metrics" };
    await using store = await openStore(v.parse(storeOptions, options), platform);
    const [line] = lines("future", 0, 1);
    const ahead = { ...line, measurement: "rack_power", tags: { device: "future" } };
    const late = { ...ahead, fields: { q: 0 }, time: Date.now() + 5 * 86_400_000 };
    expect((await store.write(lines("future", 0, 1), signal)).accepted).toBe(1);
    expect((await store.write([late], signal)).accepted).toBe(1);
    // It renews its page once a second.
    await vi.waitFor(
      async () => {
        elapsed += 60_000;
        await store.write(lines("future", 0, 1), signal);
        expect(said).toHaveLength(1);
      },
      { timeout: 10_000 },
    );
    expect(said[0]).toEqual({
      event: "store dropped rows",
      fields: { counted: 'vm_rows_ignored_total{reason="big_timestamp"}', rows: 1 },
    });
  });

  test("a text is zero there, and a value that came twice is there once", async () => {
    await using store = await open();
    const event = { measurement: "device_event", tags: { device: "text" }, time: start };
    for (let at = 0; at < 2; at += 1) {
      await store.write([{ ...event, fields: { link_state: 1, reason: "E_X" } }], signal);
    }
    const [reason] = await victoria.exported('device_event_reason{device="text"}');
    expect(reason?.values).toEqual([0]);
    const [state] = await victoria.exported('device_event_link_state{device="text"}');
    expect(state?.values).toEqual([1]);
  });
});
