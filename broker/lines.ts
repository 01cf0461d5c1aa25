/**
 * The lines of batches as `linesOf` makes them, except that the tags of a series are always the
 * same object: not made again for each point, and known to an engine at a glance.
 *
 * Limits: `maxEntries` devices and series; past it all are forgotten, which costs time alone.
 */
import type { Line, Point, Tags, UnnumberedBatch } from "../telemetry/index.ts";
import { lineTags, measurementEntry, topicOf } from "../telemetry/index.ts";

const maxEntries = 100_000;

/** Of one device in one place: by measurement, then by channel ("" where it has none). */
type DeviceTags = Map<string, Map<string, Tags>>;

export class LineMaker {
  readonly #devices = new Map<string, DeviceTags>();
  #entries = 0;

  /** The lines of a batch whose points are legal, so that a point has no tag but its channel. */
  linesOf(batch: UnnumberedBatch): Line[] {
    if (this.#entries >= maxEntries) this.#forget();
    const device = this.#deviceOf(batch);
    return batch.points.map((point) => ({
      measurement: point.measurement,
      tags: this.#tagsOf(device, batch, point),
      fields: point.fields,
      time: batch.time,
    }));
  }

  #deviceOf({ address, place }: UnnumberedBatch): DeviceTags {
    const key = `${topicOf(address, "telemetry")} ${JSON.stringify(place)}`;
    let device = this.#devices.get(key);
    if (device === undefined) {
      device = new Map();
      this.#devices.set(key, device);
      this.#entries += 1;
    }
    return device;
  }

  #tagsOf(device: DeviceTags, batch: UnnumberedBatch, point: Point): Tags {
    let channels = device.get(point.measurement);
    if (channels === undefined) {
      channels = new Map();
      device.set(point.measurement, channels);
    }
    const name = measurementEntry(point.measurement)?.channel ?? "";
    const channel = point.tags?.[name] ?? "";
    let tags = channels.get(channel);
    if (tags === undefined) {
      tags = lineTags(batch, point);
      channels.set(channel, tags);
      this.#entries += 1;
    }
    return tags;
  }

  #forget(): void {
    this.#devices.clear();
    this.#entries = 0;
  }
}
