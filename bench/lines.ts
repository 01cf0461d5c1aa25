/**
 * Bench: what a value costs on its way into line protocol, as bytes of a request. Ours as the
 * writer does it, lines as ingest hands them over; the peer is `writePoints` of the `influx`
 * package with nothing behind it. The limit is written by hand for one measurement: its fields
 * are known, nothing is checked or escaped. CPU time of 5,000 lines a call, median of many calls.
 */
import { InfluxDB } from "influx";
import { LineMaker } from "../broker/lines.ts";
import { LineEncoder } from "../store/line-protocol.ts";
import type { Line } from "../telemetry/index.ts";
import type { Shape } from "./chain-points.ts";
import { batchOf, linesAWrite, pointsABatch, shapes } from "./chain-points.ts";
import { loadNow, median, rounded } from "./processes.ts";

const calls = 60;

/** Measures both shapes. */
export async function run(): Promise<unknown> {
  const wide = await measure("wide");
  const narrow = await measure("narrow");
  return {
    bench: "lines",
    ours: wide.ours,
    peer: wide.peer,
    ratio: wide.ratio,
    unit: "µs a value",
    goal: 0.3,
    line_us_per_value: { wide: wide.ours, narrow: narrow.ours },
    wide,
    narrow,
    load: loadNow(),
  };
}

async function measure(shape: Shape) {
  const given = Array.from({ length: calls }, (_, call) => linesOf(shape, call));
  const values = linesAWrite * (shapes[shape].length + 1);
  const perValue = async (write: (lines: readonly Line[]) => unknown): Promise<number> => {
    const costs: number[] = [];
    for (const lines of given) {
      const before = process.cpuUsage();
      await write(lines);
      const { user, system } = process.cpuUsage(before);
      costs.push((user + system) / values);
    }
    return rounded(median(costs));
  };
  const ours = await perValue(writer());
  const peer = await perValue(influxWriter());
  const limit = await perValue(shape === "wide" ? wideByHand : narrowByHand);
  return { ours, peer, limit, ratio: rounded(peer / ours), values_a_line: values / linesAWrite };
}

/** Each call has numbers of its own: V8 remembers how it showed the last ones. */
function linesOf(shape: Shape, call: number): Line[] {
  const count = Math.ceil(linesAWrite / pointsABatch);
  const batches = Array.from({ length: count }, (_, n) => batchOf(shape, call * count + n));
  return batches.flatMap((batch) => maker.linesOf(batch)).slice(0, linesAWrite);
}

const maker = new LineMaker();

function writer(): (lines: readonly Line[]) => Buffer {
  const encoder = new LineEncoder();
  return (lines) => {
    for (const line of lines) encoder.add(line);
    return encoder.take();
  };
}

/** In the place of the package's transport: the bytes that it would send. */
function discard({ body }: { readonly body: string }): Promise<Buffer> {
  return Promise.resolve(Buffer.from(body));
}

function influxWriter(): (lines: readonly Line[]) => Promise<void> {
  const influx = new InfluxDB({ host: "127.0.0.1", port: 1, database: "none" });
  Reflect.set(influx, "_pool", { discard });
  return (lines) =>
    influx.writePoints(
      lines.map(({ measurement, tags, fields, time }) => ({
        measurement,
        tags,
        fields,
        timestamp: time,
      })),
      { precision: "ms" },
    );
}

function seriesByHand({ measurement, tags: t }: Line): string {
  const place = `region=${t["region"]},org=${t["org"]},site=${t["site"]},rack=${t["rack"]}`;
  return `${measurement},${place},device=${t["device"]},phase=${t["phase"]}`;
}

function wideByHand(lines: readonly Line[]): Buffer {
  let text = "";
  for (const line of lines) {
    const f = line.fields;
    text +=
      `${seriesByHand(line)} active_power_w=${f["active_power_w"]},` +
      `apparent_power_va=${f["apparent_power_va"]},reactive_power_var=${f["reactive_power_var"]},` +
      `power_factor_ratio=${f["power_factor_ratio"]},voltage_v=${f["voltage_v"]},` +
      `current_a=${f["current_a"]},voltage_ll_v=${f["voltage_ll_v"]},thd_v_pct=${f["thd_v_pct"]},` +
      `thd_i_pct=${f["thd_i_pct"]},energy_wh_total=${f["energy_wh_total"]}i,q=${f["q"]}i ` +
      `${line.time}\n`;
  }
  return Buffer.from(text);
}

function narrowByHand(lines: readonly Line[]): Buffer {
  let text = "";
  for (const line of lines) {
    const f = line.fields;
    text += `${seriesByHand(line)} voltage_v=${f["voltage_v"]},q=${f["q"]}i ${line.time}\n`;
  }
  return Buffer.from(text);
}
