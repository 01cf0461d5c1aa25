/** Profiles, and uplinks as the two kinds of network servers publish them. */
import { join } from "node:path";
import { profileSchema, readYaml, validate } from "../../../config/index.ts";
import { lorawanProfile } from "../../../drivers/lorawan/profile.ts";
import type { LorawanProfile } from "../../../drivers/lorawan/profile.ts";

export const profileFolder = join(import.meta.dirname, "../../../config/profiles/lorawan");

const form = profileSchema("lorawan", lorawanProfile);

export async function profileOf(id: string): Promise<LorawanProfile> {
  return validate(form, await readYaml(join(profileFolder, `${id}.yaml`)));
}

export interface SentUplink {
  readonly eui: string;
  readonly counter: number;
  readonly port: number;
  readonly data: Uint8Array;
  /** RFC 3339. */
  readonly time: string;
}

export interface Published {
  readonly topic: string;
  readonly payload: string;
}

/** As ChirpStack v4 does: zero is left out. */
export function chirpstackUplink({ eui, counter, port, data, time }: SentUplink): Published {
  const message = {
    deduplicationId: `3ac7e3c4-4401-4b8d-9386-${String(counter).padStart(12, "0")}`,
    time,
    deviceInfo: {
      tenantId: "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
      tenantName: "City",
      applicationId: "ca739e26-7b67-4f14-b69e-d568c22a5a75",
      applicationName: "Street",
      deviceProfileName: "EM300",
      deviceName: "sensor",
      devEui: eui,
      tags: {},
    },
    devAddr: "00189440",
    adr: true,
    dr: 5,
    ...(counter === 0 ? {} : { fCnt: counter }),
    ...(port === 0 ? {} : { fPort: port }),
    data: Buffer.from(data).toString("base64"),
    rxInfo: [
      { gatewayId: "0016c001f153a14c", uplinkId: 4217106255, rssi: -81, snr: 9.5, channel: 2 },
      { gatewayId: "0016c001f153a14d", uplinkId: 4217106256, rssi: -57 },
    ],
    txInfo: {
      frequency: 867100000,
      modulation: { lora: { bandwidth: 125000, spreadingFactor: 7, codeRate: "CR_4_5" } },
    },
    regionConfigId: "eu868",
  };
  const topic = `application/${message.deviceInfo.applicationId}/device/${eui}/event/up`;
  return { topic, payload: JSON.stringify(message) };
}

/** As The Things Stack v3 does: zero is left out. */
export function stackUplink({ eui, counter, port, data, time }: SentUplink): Published {
  const message = {
    end_device_ids: {
      device_id: `eui-${eui}`,
      application_ids: { application_id: "street" },
      dev_eui: eui.toUpperCase(),
      join_eui: "24E124C0002A0001",
      dev_addr: "260B1234",
    },
    correlation_ids: [`as:up:${counter}`],
    received_at: time,
    uplink_message: {
      session_key_id: "AYfg8rhha5n+FWx0ZaAprA==",
      ...(port === 0 ? {} : { f_port: port }),
      ...(counter === 0 ? {} : { f_cnt: counter }),
      frm_payload: Buffer.from(data).toString("base64"),
      rx_metadata: [
        { gateway_ids: { gateway_id: "roof" }, rssi: -35, channel_rssi: -35, snr: 5.2 },
        { gateway_ids: { gateway_id: "mast" }, rssi: -90, channel_rssi: -90, snr: -3 },
      ],
      settings: {
        data_rate: { lora: { bandwidth: 125000, spreading_factor: 12, coding_rate: "4/5" } },
        frequency: "867100000",
      },
      received_at: time,
      confirmed: true,
      consumed_airtime: "0.056576s",
      last_battery_percentage: { f_cnt: 3, value: 93.7, received_at: time },
    },
  };
  return { topic: `v3/street@ttn/devices/eui-${eui}/up`, payload: JSON.stringify(message) };
}
