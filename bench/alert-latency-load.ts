/**
 * The load of `bench/alert-latency.ts`, a process of its own: 5,000 devices behind four agents'
 * connections that publish a batch each every 5 s at QoS 1, retained, as agents do. Now and then a
 * device breaches its limit for one batch; a subscriber beside them hears the retained alert. The
 * time goes from the call that publishes the batch to the word `firing`, by the clock of this
 * process. First some breaches every second, then very many within one round of all devices.
 * Arguments: port, seconds of the first part. Prints one line of JSON.
 */
import { Socket } from "node:net";
import mqtt from "mqtt";
import { encodeBatch, isRecord, topicOf } from "../telemetry/index.ts";

const devices = 5000;
const every = 5000;
const agents = 4;
/** Devices that publish together. */
const beat = 10;
/** Breaches of the first part. @unit 1/s */
const calmRate = 2;
/** Of the second part, in one round of all devices: one in so many. */
const stormShare = 5;
const racksARow = 50;

const [port = "", seconds = "20"] = process.argv.slice(2);
const url = `mqtt://127.0.0.1:${port}`;
const site = { region: "local", org: "main", site: "bench" } as const;
const clients = await Promise.all(
  Array.from({ length: agents }, (_, n) =>
    mqtt.connectAsync(url, { protocolVersion: 4, clientId: `edge-${n}` }),
  ),
);
const listener = await mqtt.connectAsync(url, { protocolVersion: 4, clientId: "city" });
// Else small packets wait for each other's acknowledgement.
for (const { stream } of [...clients, listener]) if (stream instanceof Socket) stream.setNoDelay();
/** When the breaching batch of a device went out. @unit ms, monotonic */
const breached = new Map<string, number>();
let heard: number[] = [];
listener.on("message", (topic, payload) => {
  const device = topic.split("/")[6] ?? "";
  const since = breached.get(device);
  if (since === undefined || !isFiring(payload)) return;
  breached.delete(device);
  heard.push(performance.now() - since);
});
await listener.subscribeAsync("rackstreet/v1/+/+/+/thermal/+/alert", { qos: 1 });

let seq = 0;
let late = 0;
const began = performance.now();
/** Beats that went out. */
let beats = 0;
const beatsARound = devices / beat;

await until(beatsARound, () => false);
const calmShare = devices / ((calmRate * every) / 1000);
const calm = await measured(Number(seconds) * 1000, (n) => hashOf(n) % calmShare === 0);
const storm = await measured(every, (n) => n % stormShare === 0);
console.log(JSON.stringify({ calm, storm, late, asked: { devices, every, calmRate } }));
process.exit(0);

/** The same in each run, another for each device and round. */
function hashOf(n: number): number {
  const round = Math.floor(beats / beatsARound);
  const mixed = Math.imul(n * 31 + round * 7919, 0x9e3779b1);
  return Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 8;
}

/** Breaches for some time, then a round in which what is on its way may arrive. */
async function measured(ms: number, breaches: (n: number) => boolean) {
  heard = [];
  let asked = 0;
  await until(beats + (ms / every) * beatsARound, (n) => {
    const is = breaches(n);
    if (is) asked += 1;
    return is;
  });
  await until(beats + 2 * beatsARound, () => false);
  const sorted = heard.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  breached.clear();
  return { asked, heard: heard.length, p50: at(0.5), p99: at(0.99), most: at(1 - 1e-9) };
}

/** Publishes what is due until so many beats went out. */
async function until(end: number, breaches: (n: number) => boolean): Promise<void> {
  while (beats < end) {
    const due = began + (beats * every) / beatsARound;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    else if (wait < -100) late += 1;
    for (let i = 0; i < beat; i += 1) {
      const n = (beats * beat + i) % devices;
      publish(n, breaches(n));
    }
    beats += 1;
  }
}

function publish(n: number, breach: boolean): void {
  const device = `rack-${n}`;
  const address = { ...site, class: "thermal", device };
  const fields = { temp_c: breach ? 45 : 22 + ((n + seq) % 30) / 10, rh_pct: 45, q: 0 };
  const points = [{ measurement: "thermal", tags: { sensor: "inlet" }, fields }];
  const agent = n % agents;
  seq += 1;
  const place = { zone: `row-${Math.floor(n / racksARow)}`, rack: `r${n}` };
  const batch = { time: Date.now(), seq, points, faults: [] };
  const text = encodeBatch(batch, `edge-${agent}.0123456789abcdef`, 1, place);
  if (breach) breached.set(device, performance.now());
  clients[agent]?.publish(topicOf(address, "telemetry"), text, { qos: 1, retain: true });
}

function isFiring(payload: Buffer): boolean {
  const message: unknown = JSON.parse(payload.toString());
  if (!isRecord(message) || !Array.isArray(message["alerts"])) return false;
  return message["alerts"].some((one) => isRecord(one) && one["state"] === "firing");
}
