/**
 * Load of the benches about neighbours: ten organisations that publish steadily at QoS 1, one
 * subscriber to all of them, and how long each message took from one to the other.
 */
import { dialer } from "../broker/index.ts";
import { Intruder } from "../broker/escape/intruder.ts";
import { clock } from "../cli/platform.ts";
import { sleep } from "../telemetry/index.ts";
import type { Program } from "./processes.ts";
import { hasten, loadNow, median, rounded, startHere } from "./processes.ts";

const publishers = 10;
/** @unit ms */
const every = 20;
const warming = 1000;
const measured = 4000;
const rounds = 4;

export const password = "bench";
export const noisyOrg = "local/noisy";

/** Users: an agent of each organisation, a noisy one, and who reads all but that. */
export const users = {
  ...Object.fromEntries(
    Array.from({ length: publishers }, (_, n) => [
      `edge-${n}`,
      { password, role: "agent", site: `local/org-${n}/site` },
    ]),
  ),
  noisy: { password, role: "agent", site: `${noisyOrg}/site` },
  city: { password, role: "reader" },
};

export interface Disturbance extends AsyncDisposable {
  /** What it did, for the result. */
  readonly told: Readonly<Record<string, number>>;
}

export interface NeighbourSetup {
  /** The `broker` section. */
  readonly broker: object;
  /** Of a message. @unit bytes */
  readonly size: number;
  disturb(port: number): Promise<Disturbance>;
}

/** p99 of the others with and without a disturbance, rounds alternating; medians. @unit ms */
export async function compare(setup: NeighbourSetup) {
  const calm: number[] = [];
  const disturbed: number[] = [];
  let told: Readonly<Record<string, number>> = {};
  for (let round = 0; round < rounds; round += 1) {
    calm.push(await measure(setup, () => Promise.resolve(undefined)));
    disturbed.push(
      await measure(setup, async (port) => {
        const disturbance = await setup.disturb(port);
        told = disturbance.told;
        return disturbance;
      }),
    );
  }
  const ours = rounded(median(disturbed));
  const peer = rounded(median(calm));
  return { ours, peer, ratio: rounded(ours / peer), calm, disturbed, told, load: loadNow() };
}

async function measure(
  { broker, size }: NeighbourSetup,
  disturb: (port: number) => Promise<Disturbance | undefined>,
): Promise<number> {
  using hub: Program = startHere("tenants-hub.ts", [JSON.stringify({ users, ...broker })]);
  const port = Number(await hub.line());
  // Neither takes much of a core; without this the wait for one is what is measured.
  hasten(hub.pid, process.pid);
  const delays: number[] = [];
  let measuring = false;
  const { link: city } = await enter(port, "city", (payload) => {
    if (measuring) delays.push(performance.now() - Number.parseFloat(payload));
  });
  const filters = Array.from({ length: publishers }, (_, n) => `rackstreet/v1/local/org-${n}/#`);
  for (const filter of filters) await city.subscribe(filter);
  await using _disturbance = await disturb(port);
  const end = performance.now() + warming + measured;
  const padding = "x".repeat(size);
  const steady = Array.from({ length: publishers }, async (_, n) => {
    const { link } = await enter(port, `edge-${n}`);
    const topic = `rackstreet/v1/local/org-${n}/site/power/pdu/event`;
    while (performance.now() < end) {
      void link.publish(topic, `${performance.now()} ${padding}`);
      await sleep(clock, every);
    }
    link.break();
  });
  await sleep(clock, warming);
  measuring = true;
  await Promise.all(steady);
  city.break();
  const expected = (publishers * measured) / every;
  if (delays.length < expected / 2) throw new Error(`${delays.length} of ${expected} arrived`);
  const sorted = delays.toSorted((a, b) => a - b);
  return rounded(sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN);
}

/** A client of the hub. */
export async function enter(
  port: number,
  user: string,
  heard: (payload: string) => void = () => undefined,
) {
  const stream = await dialer({ host: "127.0.0.1", port })(0);
  const link = new Intruder({ stream, clock, heard: (_topic, payload) => heard(payload) });
  const id = `${user}-${Math.random()}`;
  if ((await link.connect({ id, clean: true, user, password })) !== 0) {
    throw new Error(`${user} was not let in`);
  }
  return { stream, link };
}
