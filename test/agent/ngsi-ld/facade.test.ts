/** The facade at a context broker over HTTP: what it tells, and what a bad day there does. */
import { describe, expect, test, vi } from "vitest";
import { NgsiLd } from "../../../agent/index.ts";
import type { Described } from "../../../agent/index.ts";
import type { NgsiLdOptions } from "../../../agent/index.ts";
import { Secret } from "../../../config/index.ts";
import { HttpClient } from "../../../drivers/index.ts";
import type { Point, UnnumberedBatch } from "../../../telemetry/index.ts";
import { realPlatform } from "../../broker/platform.ts";
import { KeptLog } from "../../virtual.ts";
import type { ContextBroker, Strictness } from "./context_broker.ts";
import { startContextBroker } from "./context_broker.ts";

const wait = { timeout: 20_000, interval: 5 };
const site = { region: "local", org: "main", site: "hall" };
const none = { driver: "sim", profile: undefined, vendor: undefined, model: undefined };
const location = { latitude: 48.1374, longitude: 11.5755 };

function described(device: string): Described {
  const address = { ...site, class: "power", device };
  return { address, place: {}, interval: 5000, location, ...none };
}

function batch(
  device: string,
  points: readonly Point[],
  time = 1_800_000_000_000,
): UnnumberedBatch {
  const { address } = described(device);
  return { kind: "telemetry", address, place: {}, points, time, faults: [] };
}

const meter = (active_power_w: number): Point => {
  return { measurement: "rack_power", fields: { active_power_w, q: 0 } };
};
const outlets = (count: number, current_a = 1): Point[] =>
  Array.from({ length: count }, (_, index) => ({
    measurement: "pdu_outlet",
    tags: { outlet: String(index + 1) },
    fields: { current_a, q: 0 },
  }));
const idOf = (type: string, rest: string): string => `urn:ngsi-ld:${type}:local:main:hall:${rest}`;
const outletId = (outlet: number): string => {
  return idOf("DeviceMeasurement", `m1:pdu_outlet:${outlet}:current_a`);
};

async function sit(given: Partial<NgsiLdOptions> = {}, strict: Strictness = {}) {
  const broker = await startContextBroker(strict);
  const { url } = broker;
  const options = { url, headers: {}, every: 1, batch: 100, timeout: 10_000, ...given };
  const log = new KeptLog();
  const { clock } = realPlatform;
  // Back-off of real seconds would only make tests slow.
  const quick = { ...clock, after: (ms: number, run: () => void) => clock.after(ms / 100, run) };
  const platform = { ...realPlatform, clock: { ...quick, monotonic: () => now }, log };
  let now = 0;
  const client = new HttpClient(options, clock);
  const facade = new NgsiLd({ options, devices: ["m1", "m2"].map(described), client }, platform);
  return {
    broker,
    facade,
    log,
    pass: (ms: number) => (now += ms),
    tell: (one: UnnumberedBatch) => facade.batch(one),
    async [Symbol.asyncDispose]() {
      await facade[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** The value of an attribute of an entity at the broker. */
function held({ entities }: ContextBroker, id: string, attribute: string): unknown {
  const found = entities.get(id)?.[attribute];
  return typeof found === "object" && found !== null && "value" in found ? found.value : undefined;
}

const power = "https://smartdatamodels.org/dataModel.Energy/totalActivePower";
const state = "https://smartdatamodels.org/dataModel.Device/deviceState";
const numValue = "https://smartdatamodels.org/dataModel.Device/numValue";

describe("a context broker", () => {
  test("is told devices, their state and their values, in names that need no context", async () => {
    await using seat = await sit();
    seat.facade.turned(described("m1").address, "online", "none");
    seat.tell(batch("m1", [meter(700), ...outlets(1)]));
    await vi.waitFor(() => expect(seat.broker.entities.size).toBe(3), wait);
    await vi.waitFor(
      () => expect(held(seat.broker, idOf("Device", "m1"), state)).toBe("online"),
      wait,
    );
    expect(held(seat.broker, idOf("ThreePhaseAcMeasurement", "m1"), power)).toBe(700);
    expect(seat.broker.entities.get(idOf("ThreePhaseAcMeasurement", "m1"))).toMatchObject({
      type: "https://smartdatamodels.org/dataModel.Energy/ThreePhaseAcMeasurement",
      location: { type: "GeoProperty" },
    });
    seat.facade.turned(described("m1").address, "offline", "E_MODBUS_TIMEOUT");
    await vi.waitFor(
      () => expect(held(seat.broker, idOf("Device", "m1"), state)).toBe("offline"),
      wait,
    );
    // A device that does not answer keeps its values, with their time.
    expect(held(seat.broker, idOf("ThreePhaseAcMeasurement", "m1"), power)).toBe(700);
    expect(seat.broker.answers.map(({ status }) => status)).not.toContain(400);
  });

  test("is told short names where there is a context, with tenant, token and headers", async () => {
    const context = "https://contexts.example.org/city.jsonld";
    const strict = { tenant: "city", context };
    const headers = { "x-auth-token": new Secret("pep") };
    await using seat = await sit({ ...strict, token: new Secret("t0"), headers }, strict);
    seat.tell(batch("m1", [meter(700)]));
    const id = idOf("ThreePhaseAcMeasurement", "m1");
    await vi.waitFor(() => expect(held(seat.broker, id, "totalActivePower")).toBe(700), wait);
    expect(seat.broker.requests[0]?.headers).toMatchObject({
      authorization: "Bearer t0",
      "x-auth-token": "pep",
    });
  });

  test("gets batches of bounded size, and all of a device", async () => {
    await using seat = await sit({ batch: 10 });
    seat.tell(batch("m1", outlets(35)));
    await vi.waitFor(() => expect(seat.broker.entities.size).toBe(36), wait);
    expect(Math.max(...seat.broker.answers.map(({ count }) => count))).toBe(10);
    await vi.waitFor(
      () => expect(seat.facade.counts).toMatchObject({ sent: 36, waiting: 0 }),
      wait,
    );
  });

  test("that is away gets the newest state alone once it is back", async () => {
    await using seat = await sit();
    seat.broker.script = () => ({ status: 503, headers: { "retry-after": "1" } });
    seat.tell(batch("m1", [meter(1)]));
    await vi.waitFor(() => expect(seat.broker.answers).toHaveLength(1), wait);
    for (let watts = 2; watts <= 100; watts += 1) seat.tell(batch("m1", [meter(watts)]));
    await vi.waitFor(() => expect(seat.broker.answers.length).toBeGreaterThan(2), wait);
    // Between two attempts: what is under way does not wait.
    await vi.waitFor(() => expect(seat.facade.counts.waiting).toBe(2), wait);
    seat.broker.script = () => undefined;
    const id = idOf("ThreePhaseAcMeasurement", "m1");
    await vi.waitFor(() => expect(held(seat.broker, id, power)).toBe(100), wait);
    const events = ["context broker lost", "context broker found"];
    await vi.waitFor(() => {
      expect(seat.log.entries.map(({ event }) => event)).toEqual(events);
    }, wait);
  });

  test("that refuses an entity gets all others, and hears of it again later", async () => {
    await using seat = await sit();
    const problem = { type: "about:blank", title: "Attribute type changed", status: 409 };
    seat.broker.refuse = ({ id }) => (id === outletId(2) ? problem : undefined);
    for (const round of [1, 2, 3]) {
      seat.tell(batch("m1", outlets(3, round)));
      await vi.waitFor(() => expect(held(seat.broker, outletId(3), numValue)).toBe(round), wait);
    }
    expect(seat.broker.entities.has(outletId(2))).toBe(false);
    expect(seat.facade.refused).toEqual(new Map([["Attribute type changed", 1]]));
    const refused = expect.objectContaining({ entity: outletId(2), why: "Attribute type changed" });
    expect(seat.log.entries).toEqual([
      expect.objectContaining({ event: "entity refused", fields: refused }),
    ]);
    seat.broker.refuse = () => undefined;
    seat.pass(600_000);
    seat.tell(batch("m1", outlets(3, 4)));
    await vi.waitFor(() => expect(held(seat.broker, outletId(2), numValue)).toBe(4), wait);
    expect(seat.facade.counts.aside).toBe(0);
  });

  test("that refuses a whole request for one entity is told all the others", async () => {
    await using seat = await sit();
    const detail = "invalid URI";
    seat.broker.script = (entities) =>
      entities.some(({ id }) => id === outletId(13))
        ? { status: 400, body: { title: "Bad request", detail } }
        : undefined;
    seat.tell(batch("m1", outlets(40)));
    await vi.waitFor(() => expect(seat.broker.entities.size).toBe(40), wait);
    expect([...seat.facade.refused]).toEqual([["Bad request: invalid URI", 1]]);
  });

  test("that takes less at once gets less at once", async () => {
    await using seat = await sit();
    seat.broker.script = (entities) => (entities.length > 7 ? { status: 413 } : undefined);
    seat.tell(batch("m1", outlets(40)));
    await vi.waitFor(() => expect(seat.broker.entities.size).toBe(41), wait);
    expect(seat.facade.refused.size).toBe(0);
  });

  test("whose own trouble holds an entity back is told it again", async () => {
    await using seat = await sit();
    let times = 0;
    seat.broker.refuse = ({ id }) =>
      id === outletId(1) && (times += 1) < 3 ? { title: "busy", status: 503 } : undefined;
    seat.tell(batch("m1", outlets(2)));
    await vi.waitFor(() => expect(held(seat.broker, outletId(1), numValue)).toBe(1), wait);
    expect(seat.facade.refused.size).toBe(0);
  });

  test.each([401, 403, 404, 302, 500])(
    "that answers %i is asked again, and told all",
    async (status) => {
      await using seat = await sit();
      seat.broker.script = () => ({ status, body: "no JSON object" });
      seat.tell(batch("m1", [meter(1)]));
      await vi.waitFor(() => expect(seat.broker.answers.length).toBeGreaterThan(1), wait);
      seat.broker.script = () => undefined;
      await vi.waitFor(() => expect(seat.broker.entities.size).toBe(2), wait);
    },
  );

  test("is told no more of a device than the bound, and what is left is counted", async () => {
    await using seat = await sit({ batch: 1000 });
    seat.tell(batch("m1", outlets(1500)));
    seat.tell(batch("m2", [meter(1)]));
    await vi.waitFor(() => expect(seat.broker.entities.size).toBe(1002), wait);
    expect(seat.facade.counts.left).toBe(1);
  });

  test("is told nothing of agents and of devices nobody configured", async () => {
    await using seat = await sit();
    const address = { ...site, class: "agent", device: "m1" };
    const own = { measurement: "agent_health", fields: { queued_count: 1 } };
    seat.tell({ ...batch("m1", [own]), address });
    seat.tell(batch("stranger", [meter(1)]));
    expect(seat.facade.counts).toMatchObject({ waiting: 0, sent: 0 });
  });
});
