/**
 * What network servers say of a device over MQTT, in one form: ChirpStack v4 (proto3 JSON of
 * api/proto/integration/integration.proto) and The Things Stack v3 (application messages). Both
 * leave out what is zero, so that a frame counter or a signal-to-noise ratio of 0 is not there.
 *
 *   application/{id}/device/{eui}/event/{up|join|status}         ChirpStack
 *   v3/{application}@{tenant}/devices/{device}/{up|join}          The Things Stack
 */
import { v } from "../../config/index.ts";

/** Longest message that is looked at: a LoRaWAN payload has at most 242 bytes. @unit bytes */
export const messageLimit = 64 * 1024;

/** Receivers of one uplink that are looked at. */
const maxReceivers = 100;

/** The link of one uplink, at the receiver that heard it best. */
export interface Radio {
  /** @unit dBm */
  readonly rssi: number | undefined;
  /** @unit dB */
  readonly snr: number | undefined;
  readonly gateways: number;
  readonly spreading: number | undefined;
}

export interface Battery {
  /** @unit % */
  readonly percent: number | undefined;
  /** @unit dB */
  readonly margin: number | undefined;
  readonly external: boolean | undefined;
}

interface About {
  /** DevEUI, 16 hexadecimal digits, lower case; empty where the server knows none. */
  readonly eui: string;
  /** The device's id at The Things Stack. */
  readonly device?: string | undefined;
  /** When the network server had it. @unit ms since 1970-01-01 UTC */
  readonly time: number | undefined;
}

export interface Uplink extends About {
  readonly kind: "up";
  /** Of this message alone, where the server gives one. */
  readonly id: string | undefined;
  readonly address: string;
  readonly counter: number;
  readonly port: number;
  readonly data: Uint8Array;
  /** What the server's own codec made of it. */
  readonly decoded: unknown;
  readonly radio: Radio;
  readonly battery: Battery | undefined;
}

export interface Status extends About {
  readonly kind: "status";
  readonly battery: Battery;
}

export interface Join extends About {
  readonly kind: "join";
}

export type LorawanEvent = Uplink | Status | Join;

const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0);
const decibels = v.optional(v.number(), 0);
const payload = v.optional(v.pipe(v.string(), v.maxLength(1024), v.base64()), "");
const eui = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/i), v.toLowerCase());
const receivers = <Entry>(entry: v.GenericSchema<unknown, Entry>) =>
  v.optional(
    v.pipe(
      v.array(v.unknown()),
      v.transform((all) => all.slice(0, maxReceivers)),
      v.array(entry),
    ),
    [],
  );

/** To the ms: servers write up to nine digits of a second. */
const moment = v.pipe(
  v.string(),
  v.maxLength(64),
  v.transform((text) => Date.parse(text.replace(/(\.\d{3})\d+/, "$1"))),
  v.number(),
  v.finite(),
);

const deviceInfo = v.object({ devEui: eui });

const chirpstackUp = v.object({
  deduplicationId: v.optional(v.string()),
  time: v.optional(moment),
  deviceInfo,
  devAddr: v.optional(v.string(), ""),
  fCnt: count,
  fPort: count,
  data: payload,
  object: v.optional(v.unknown()),
  rxInfo: receivers(v.object({ rssi: v.optional(v.number()), snr: decibels })),
  txInfo: v.optional(v.unknown()),
});

const chirpstackStatus = v.object({
  time: v.optional(moment),
  deviceInfo,
  margin: decibels,
  externalPowerSource: v.optional(v.boolean(), false),
  batteryLevelUnavailable: v.optional(v.boolean(), false),
  batteryLevel: v.optional(v.number(), 0),
});

const chirpstackJoin = v.object({ time: v.optional(moment), deviceInfo });

const spreadingOf = v.object({
  modulation: v.object({ lora: v.object({ spreadingFactor: v.number() }) }),
});

const deviceIds = v.object({
  device_id: v.optional(v.string()),
  dev_eui: v.optional(eui, ""),
  dev_addr: v.optional(v.string(), ""),
});

const stackUp = v.object({
  end_device_ids: deviceIds,
  received_at: v.optional(moment),
  uplink_message: v.object({
    f_cnt: count,
    f_port: count,
    frm_payload: payload,
    decoded_payload: v.optional(v.unknown()),
    rx_metadata: receivers(v.object({ rssi: v.optional(v.number()), snr: decibels })),
    settings: v.optional(v.unknown()),
    received_at: v.optional(moment),
    last_battery_percentage: v.optional(v.object({ value: v.optional(v.number(), 0) })),
  }),
});

const stackJoin = v.object({
  end_device_ids: deviceIds,
  received_at: v.optional(moment),
  join_accept: v.unknown(),
});

const stackSpreading = v.object({
  data_rate: v.object({ lora: v.object({ spreading_factor: v.number() }) }),
});

type Reader = (message: unknown) => LorawanEvent | undefined;

const chirpstackEvents: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["up", chirpstackUplink],
  ["status", chirpstackState],
  ["join", chirpstackJoined],
]);

const stackEvents: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["up", stackUplink],
  ["join", stackJoined],
]);

/** The event of a message, or undefined when it is none that can be understood. */
export function eventOf(topic: string, bytes: Uint8Array): LorawanEvent | undefined {
  if (bytes.length > messageLimit) return undefined;
  const [first = "", ...rest] = topic.split("/");
  const events = first === "v3" ? stackEvents : chirpstackEvents;
  const read = events.get(rest.at(-1) ?? "");
  const message = read === undefined ? undefined : jsonOf(bytes);
  return message === undefined ? undefined : read?.(message);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return parsed;
  } catch {
    // No JSON is no event; the caller counts it.
    return undefined;
  }
}

function chirpstackUplink(message: unknown): Uplink | undefined {
  const { output, success } = v.safeParse(chirpstackUp, message);
  if (!success) return undefined;
  const lora = v.safeParse(spreadingOf, output.txInfo);
  return {
    kind: "up",
    eui: output.deviceInfo.devEui,
    time: output.time,
    id: output.deduplicationId,
    address: output.devAddr,
    counter: output.fCnt,
    port: output.fPort,
    data: Buffer.from(output.data, "base64"),
    decoded: output.object,
    radio: radioOf(
      output.rxInfo,
      lora.success ? lora.output.modulation.lora.spreadingFactor : undefined,
    ),
    battery: undefined,
  };
}

function chirpstackState(message: unknown): Status | undefined {
  const { output, success } = v.safeParse(chirpstackStatus, message);
  if (!success) return undefined;
  const { externalPowerSource, batteryLevelUnavailable, batteryLevel, margin } = output;
  // A mains-powered device has no level, and says 0. [LORAWAN-1.0.4 5.5]
  const known = !externalPowerSource && !batteryLevelUnavailable;
  const battery = { percent: known ? batteryLevel : undefined, margin };
  return {
    kind: "status",
    eui: output.deviceInfo.devEui,
    time: output.time,
    battery: { ...battery, external: externalPowerSource },
  };
}

function chirpstackJoined(message: unknown): Join | undefined {
  const { output, success } = v.safeParse(chirpstackJoin, message);
  return success ? { kind: "join", eui: output.deviceInfo.devEui, time: output.time } : undefined;
}

function stackUplink(message: unknown): Uplink | undefined {
  const { output, success } = v.safeParse(stackUp, message);
  if (!success) return undefined;
  const { end_device_ids: ids, uplink_message: up } = output;
  const lora = v.safeParse(stackSpreading, up.settings);
  const percent = up.last_battery_percentage?.value;
  return {
    kind: "up",
    eui: ids.dev_eui,
    device: ids.device_id,
    time: up.received_at ?? output.received_at,
    id: undefined,
    address: ids.dev_addr,
    counter: up.f_cnt,
    port: up.f_port,
    data: Buffer.from(up.frm_payload, "base64"),
    decoded: up.decoded_payload,
    radio: radioOf(
      up.rx_metadata,
      lora.success ? lora.output.data_rate.lora.spreading_factor : undefined,
    ),
    battery:
      percent === undefined ? undefined : { percent, margin: undefined, external: undefined },
  };
}

function stackJoined(message: unknown): Join | undefined {
  const { output, success } = v.safeParse(stackJoin, message);
  if (!success) return undefined;
  const { dev_eui, device_id } = output.end_device_ids;
  return { kind: "join", eui: dev_eui, device: device_id, time: output.received_at };
}

interface Receiver {
  readonly rssi?: number | undefined;
  readonly snr: number;
}

function radioOf(receivers: readonly Receiver[], spreading: number | undefined): Radio {
  let best: Receiver | undefined;
  for (const one of receivers) {
    if (best === undefined || (one.rssi ?? -Infinity) > (best.rssi ?? -Infinity)) best = one;
  }
  return { rssi: best?.rssi, snr: best?.snr, gateways: receivers.length, spreading };
}
