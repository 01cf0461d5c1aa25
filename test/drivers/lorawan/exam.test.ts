/**
 * The listener exam, and what only a real broker shows: Eclipse Mosquitto, which nobody here wrote,
 * carries uplinks of both network servers, is killed and comes back.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { YamlFile } from "../../../config/index.ts";
import type { Heard, Session } from "../../../drivers/contract.ts";
import { lorawan } from "../../../drivers/lorawan/index.ts";
import { packetLimit } from "../../../drivers/transport/mqtt.ts";
import type { ListenerExam } from "../../contract/listener.ts";
import { listenerExam } from "../../contract/listener.ts";
import { needs } from "../../peers.ts";
import { codeOf } from "../modbus/world.ts";
import type { Mosquitto } from "../../peers/mosquittod.ts";
import { startMosquitto } from "../../peers/mosquittod.ts";
import { freePort, portOf } from "../../ports.ts";
import { contextOf } from "../speaker.ts";
import type { Published, SentUplink } from "./world.ts";
import { chirpstackUplink, profileFolder, stackUplink } from "./world.ts";

const present = needs("mosquitto", "mosquitto") && needs("mosquitto_pub", "mosquitto-clients");

const eui = "24e124136b000001";
const file = join(profileFolder, "milesight-em300-th.yaml");
const profile = new YamlFile(file, await readFile(file, "utf8")).data;

const uplink = (counter: number): SentUplink => ({
  eui,
  counter,
  port: 85,
  data: Buffer.from(`0175${(counter % 100).toString(16).padStart(2, "0")}03673401046865`, "hex"),
  time: new Date(Date.UTC(2026, 0, 1) + counter * 600_000).toISOString(),
});

/** By the client of somebody else, too. */
async function publish(
  url: string,
  { topic, payload }: Published,
  more: readonly string[] = [],
): Promise<void> {
  const at = ["-h", "127.0.0.1", "-p", new URL(url).port, "-t", topic, "-s", ...more];
  const child = spawn("mosquitto_pub", at, { stdio: ["pipe", "ignore", "ignore"] });
  child.stdin.end(payload);
  await once(child, "exit");
}

async function listen(session: Session): Promise<void> {
  await session.listen?.(() => undefined, new AbortController().signal);
}

const target = (server: string, more: object = {}) => ({
  id: "sensor",
  options: { server, eui, ...more },
  profile,
});

const through = (name: string, flavour: (sent: SentUplink) => Published): ListenerExam => ({
  name: `lorawan through ${name}`,
  kind: lorawan,
  async start() {
    const broker = await startMosquitto();
    let counter = 0;
    return {
      context: contextOf(),
      target: target(broker.url),
      nowhere: target(`mqtt://127.0.0.1:${await freePort()}`),
      speak: () => publish(broker.url, flavour(uplink((counter += 1)))),
      cut: () => broker.kill9(),
      mend: () => broker.restart(),
      [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    };
  },
});

/** The SUBSCRIBE packets in some bytes: identifier and number of filters. [MQTT-3.1.1 3.8] */
function subscriptionsIn(bytes: Buffer): { readonly id: number; readonly filters: number }[] {
  const found: { id: number; filters: number }[] = [];
  let at = 0;
  while (bytes[at] === 0x82) {
    let body = at + 2;
    let length = bytes[at + 1] ?? 0;
    if (length >= 128) length = (length & 0x7f) + 128 * (bytes[body++] ?? 0);
    let filters = 0;
    for (let from = body + 2; from < body + length; filters += 1) {
      from += 3 + bytes.readUInt16BE(from);
    }
    found.push({ id: bytes.readUInt16BE(body), filters });
    at = body + length;
  }
  return found;
}

/** A broker that lets in and refuses to be heard: CONNACK 0, SUBACK 0x80 for each filter. */
async function startRefusing() {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      if (bytes[0] === 0x10) socket.write(Uint8Array.of(0x20, 2, 0, 0));
      if (bytes[0] !== 0x82) return;
      // MQTT.js asks for each list on its own; pieces as small as these come whole.
      for (const { id, filters } of subscriptionsIn(bytes)) {
        const codes = Array.from({ length: filters }, () => 0x80);
        socket.write(Uint8Array.of(0x90, 2 + filters, id >> 8, id & 0xff, ...codes));
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `mqtt://127.0.0.1:${portOf(server.address())}`,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

describe.skipIf(!present)("with mosquitto", { timeout: 60_000 }, () => {
  listenerExam(through("ChirpStack", chirpstackUplink));
  listenerExam(through("The Things Stack", stackUplink));

  interface Seat extends AsyncDisposable {
    readonly broker: Mosquitto;
    readonly heard: Heard[];
  }

  /** Listens, and waits until it is heard. */
  async function sit(more: object = {}, before: readonly Published[] = []): Promise<Seat> {
    const broker = await startMosquitto();
    for (const one of before) await publish(broker.url, one, ["-r"]);
    const driver = lorawan.create(contextOf());
    const session = await driver.open(target(broker.url, more));
    const heard: Heard[] = [];
    const abort = new AbortController();
    const listening = session.listen?.((one) => heard.push(one), abort.signal);
    listening?.catch(() => undefined);
    const probe = chirpstackUplink({ ...uplink(99), counter: 99_999 });
    await vi.waitFor(async () => {
      await publish(broker.url, probe);
      expect(heard.length).toBeGreaterThan(before.length);
    }, 20_000);
    return {
      broker,
      heard,
      async [Symbol.asyncDispose]() {
        abort.abort();
        await listening;
        await session[Symbol.asyncDispose]();
        await driver[Symbol.asyncDispose]();
        await broker[Symbol.asyncDispose]();
      },
    };
  }

  it("a retained uplink is heard with the time it has; no uplink is heard twice", async () => {
    await using seat = await sit({}, [chirpstackUplink(uplink(3))]);
    const [first] = seat.heard;
    expect(first?.time).toBe(Date.parse(uplink(3).time));
    expect(first?.reading.points).toEqual([
      {
        measurement: "environment",
        tags: { sensor: "air" },
        fields: { temp_c: 30.8, rh_pct: 50.5, q: 0 },
      },
      {
        measurement: "radio",
        fields: {
          battery_pct: 3,
          rssi_dbm: -57,
          snr_ratio_db: 0,
          gateways_count: 2,
          spreading_factor_code: 7,
          uplinks_total: 3,
          q: 0,
        },
      },
    ]);
    const before = seat.heard.length;
    await publish(seat.broker.url, chirpstackUplink(uplink(4)));
    await publish(seat.broker.url, chirpstackUplink(uplink(4)));
    await publish(seat.broker.url, chirpstackUplink({ ...uplink(5), eui: "24e124136b000002" }));
    await publish(seat.broker.url, stackUplink({ ...uplink(6), eui: "24e124136b000002" }));
    await publish(seat.broker.url, stackUplink(uplink(7)));
    await vi.waitFor(() => expect(seat.heard.length).toBe(before + 2), 20_000);
    const told = seat.heard.slice(before).map(({ reading }) => reading.points.at(-1)?.fields);
    expect(told.map((fields) => fields?.["uplinks_total"])).toEqual([4, 7]);
    // Its own battery counts, not the one the network server remembers.
    expect(told[1]?.["battery_pct"]).toBe(7);
  });

  it("a status and garbage: battery and margin, and a fault with the next reading", async () => {
    await using seat = await sit();
    const before = seat.heard.length;
    const root = `application/a/device/${eui}/event`;
    await publish(seat.broker.url, { topic: `${root}/up`, payload: "{ no JSON" });
    const status = { deviceInfo: { devEui: eui }, margin: 12, batteryLevel: 66 };
    await publish(seat.broker.url, { topic: `${root}/status`, payload: JSON.stringify(status) });
    await vi.waitFor(() => expect(seat.heard.length).toBe(before + 1), 20_000);
    expect(seat.heard.at(-1)?.reading).toEqual({
      points: [
        {
          measurement: "radio",
          fields: { battery_pct: 66, margin_ratio_db: 12, external_power_state: 0, q: 0 },
        },
      ],
      faults: [{ code: "E_DEVICE_FRAME", at: "message" }],
    });
  });

  it("a packet that no uplink can be ends the connection, before it is collected", async () => {
    const broker = await startMosquitto();
    await using driver = lorawan.create(contextOf());
    await using session = await driver.open(target(broker.url));
    const listening = codeOf(listen(session));
    const topic = `application/a/device/${eui}/event/up`;
    await publish(broker.url, { topic, payload: "x".repeat(2 * packetLimit) }, ["-r"]);
    expect(await listening).toBe("E_DISCONNECTED");
    await broker[Symbol.asyncDispose]();
  });

  it("a broker that does not want us says so, before or after it let us in", async () => {
    await using stranger = await startMosquitto(["allow_anonymous false"]);
    await using driver = lorawan.create(contextOf());
    await using refused = await driver.open(target(stranger.url, { user: "street" }));
    expect(await codeOf(listen(refused))).toBe("E_LOGIN");
    // Mosquitto grants every subscription, and leaves out what may not be heard.
    await using narrow = await startRefusing();
    await using unheard = await driver.open(target(narrow.url));
    expect(await codeOf(listen(unheard))).toBe("E_LOGIN");
  });
});
