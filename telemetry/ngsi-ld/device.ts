/** The entity of a device itself (Smart Data Model `Device`). */
import type { DeviceAddress, Location, Place } from "../points.ts";
import type { Entity } from "./entity.ts";
import { locationOf, observedAt, property } from "./entity.ts";
import { controlledProperties } from "./models.ts";
import { entityId } from "./names.ts";

/** What is known of a device besides its batches. */
export interface ShownDevice {
  readonly address: DeviceAddress;
  readonly place: Place;
  readonly vendor?: string | undefined;
  readonly model?: string | undefined;
  readonly location?: Location | undefined;
  readonly state?: ShownState | undefined;
}

export interface ShownState {
  /** `online`, `stale` or `offline`. */
  readonly state: string;
  /** Code of the fault behind it, or `none`. */
  readonly reason: string;
  /** @unit ms since 1970-01-01 UTC */
  readonly since: number;
}

/** The model's words for what is no plain sensor. */
const categories: ReadonlyMap<string, string> = new Map([
  ["power", "meter"],
  ["cooling", "HVAC"],
]);

/** A device without what it measured, as when its state turns. */
export function deviceEntity(device: ShownDevice): Entity {
  const { address, place, vendor, model, location, state } = device;
  const product = [vendor, model].filter((word) => word !== undefined).join(" ");
  const stands = [place.zone, place.rack].filter((word) => word !== undefined).join(" / ");
  const attributes = {
    name: property(address.device),
    deviceCategory: property([categories.get(address.class) ?? "sensor"]),
    controlledProperty: property(controlledProperties.get(address.class) ?? [address.class]),
    ...(product === "" ? {} : { description: property(product) }),
    ...(stands === "" ? {} : { relativePosition: property(stands) }),
    ...(state === undefined ? {} : { deviceState: stateOf(state) }),
    ...locationOf(location),
  };
  return { id: entityId("Device", address), type: "Device", attributes };
}

function stateOf({ state, reason, since }: ShownState) {
  const why = reason === "none" ? {} : { reason: property(reason) };
  return { ...property(state), ...why, ...observedAt(since) };
}
