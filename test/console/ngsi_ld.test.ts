/** What the console answers by NGSI-LD: the entities of what `latest` says, and why not. */
import { describe, expect, it } from "vitest";
import { v } from "../../config/index.ts";
import type { Api, ApiCall, Console } from "../../console/index.ts";
import { consoleOptions, openConsole } from "../../console/index.ts";
import { attributeName, entitySchema } from "../telemetry/ngsi-ld/schema.ts";

const location = { latitude: 48.1, longitude: 11.6 };
const base = "rackstreet/v1/local/main/hall";

function device(deviceClass: string, name: string, points: readonly object[], meta?: object) {
  const message = { v: 1, stream: "s.1", seq: 1, base: 1, time: 1_800_000_000_000, points };
  const state = { v: 1, state: "stale", reason: "E_DEVICE_TIMEOUT", since: 1_800_000_000_000 };
  const topic = `${base}/${deviceClass}/${name}/telemetry`;
  return { topic, state, message, ...(meta && { meta: { v: 1, ...meta } }) };
}

const air = device(
  "environment",
  "mast",
  [{ measurement: "environment", fields: { pm25_ugm3: 12, temp_c: 21, q: 0 } }],
  { vendor: "V", model: "M", location },
);
const meter = device("power", "m1", [
  { measurement: "energy_meter", fields: { active_power_w: 700, q: 0 } },
]);

interface Seat extends AsyncDisposable {
  readonly calls: readonly ApiCall[];
  get(path: string, headers?: Record<string, string>): Promise<Response>;
}

async function sit(
  things: readonly unknown[] = [air, meter],
  refuse: (call: ApiCall) => number | undefined = () => undefined,
): Promise<Seat> {
  const calls: ApiCall[] = [];
  let status = 0;
  const api: Api = {
    ask(call) {
      calls.push(call);
      status = refuse(call) ?? 0;
      if (status > 0) return Promise.reject(new Error("no"));
      return Promise.resolve(parts());
    },
    explain: () => ({ status, problem: "refused", remedy: "ask another" }),
  };
  async function* parts(): AsyncGenerator {
    for (const thing of things) yield await Promise.resolve([thing]);
  }
  const options = v.parse(consoleOptions, { listen: "http://127.0.0.1:0" });
  const served: Console | undefined = await openConsole(options, {
    metrics: () => "",
    failing: () => [],
    api,
  });
  if (served === undefined) throw new Error("it serves nothing");
  return {
    calls,
    get: (path, headers = {}) => fetch(`${served.address}/ngsi-ld/v1/${path}`, { headers }),
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

const listed = v.array(entitySchema);

async function idsOf(answer: Response): Promise<string[]> {
  return v.parse(listed, await answer.json()).map(({ id }) => id);
}

const id = (type: string, rest: string): string => `urn:ngsi-ld:${type}:local:main:hall:${rest}`;

describe("the hub, asked by NGSI-LD", () => {
  it("gives entities of a type, by its short name or its IRI, named by IRIs", async () => {
    await using at = await sit();
    const iri = "https://smartdatamodels.org/dataModel.Environment/AirQualityObserved";
    for (const type of ["AirQualityObserved", iri, `x,${iri}`]) {
      const answer = await at.get(`entities?type=${encodeURIComponent(type)}`);
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(answer.headers.get("link")).toContain("ngsi-ld-core-context");
      const [entity, ...more] = v.parse(listed, await answer.json());
      expect(more).toEqual([]);
      for (const name of Object.keys(entity ?? {})) v.parse(attributeName, name);
      expect(entity).toMatchObject({
        id: id("AirQualityObserved", "mast"),
        type: iri,
        "https://smartdatamodels.org/dataModel.Environment/pm25": { value: 12, unitCode: "GQ" },
        location: { value: { coordinates: [11.6, 48.1] } },
      });
    }
  });

  it("gives short names with their context, or to who has one", async () => {
    await using at = await sit();
    const path = `entities/${id("Device", "mast")}`;
    const ld = await at.get(path, { accept: "application/ld+json" });
    expect(ld.headers.get("content-type")).toBe("application/ld+json");
    expect(await ld.json()).toMatchObject({
      type: "Device",
      deviceState: { value: "stale", reason: { value: "E_DEVICE_TIMEOUT" } },
      description: { value: "V M" },
      "@context": [
        {
          Device: "https://smartdatamodels.org/dataModel.Device/Device",
          deviceState: "https://smartdatamodels.org/dataModel.Device/deviceState",
        },
        expect.stringContaining("core-context"),
      ],
    });
    const link = '<https://c.example.org/x.jsonld>; rel="http://www.w3.org/ns/json-ld#context"';
    const linked = await at.get(path, { link });
    expect(linked.headers.get("link")).toBe(link);
    expect(await linked.json()).toMatchObject({ type: "Device", name: { value: "mast" } });
  });

  it("looks at the device alone that an id is of, however it is escaped", async () => {
    const outlet = { measurement: "pdu_outlet", tags: { outlet: "1:a" }, fields: { current_a: 1 } };
    await using at = await sit([device("power", "m1", [outlet])]);
    const asked = id("DeviceMeasurement", "m1:pdu_outlet:1%3Aa:current_a");
    for (const path of [asked, encodeURIComponent(asked), encodeURI(asked)]) {
      expect((await at.get(`entities/${path}`)).status).toBe(200);
    }
    const query = encodeURIComponent(`${asked},${id("Device", "m1")}`);
    expect(await idsOf(await at.get(`entities?id=${query}`))).toHaveLength(2);
    const args = { with: "meta", device: "m1" };
    expect(at.calls.map((call) => call.args)).toEqual([args, args, args, args]);
    const missing = await at.get(`entities/${id("Device", "m1:x")}`);
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({
      type: "https://uri.etsi.org/ngsi-ld/errors/ResourceNotFound",
    });
  });

  it("gives pages, and how many there are", async () => {
    await using at = await sit();
    const all = await at.get("entities?attrs=name&limit=1000&count=true");
    const ids = await idsOf(all);
    expect(all.headers.get("ngsild-results-count")).toBe(String(ids.length));
    const paged: string[] = [];
    for (let offset = 0; offset < ids.length; offset += 2) {
      paged.push(...(await idsOf(await at.get(`entities?attrs=name&limit=2&offset=${offset}`))));
    }
    expect(paged).toEqual(ids);
    const none = await at.get("entities?type=Device&limit=0&count=true");
    expect(none.headers.get("ngsild-results-count")).toBe("2");
    expect(await none.json()).toEqual([]);
  });

  it("gives attributes that are asked for, and bare values", async () => {
    await using at = await sit();
    const query = "type=WeatherObserved&attrs=temperature,refDevice&options=keyValues";
    const answer = await at.get(`entities?${query}`, { accept: "application/ld+json" });
    expect(await answer.json()).toMatchObject([
      { id: id("WeatherObserved", "mast"), temperature: 21, refDevice: id("Device", "mast") },
    ]);
  });

  it("says which types there are", async () => {
    await using at = await sit();
    expect(await (await at.get("types")).json()).toMatchObject({
      type: "EntityTypeList",
      typeList: [
        "https://smartdatamodels.org/dataModel.Device/Device",
        "https://smartdatamodels.org/dataModel.Energy/ThreePhaseAcMeasurement",
        "https://smartdatamodels.org/dataModel.Environment/AirQualityObserved",
        "https://smartdatamodels.org/dataModel.Weather/WeatherObserved",
      ],
    });
  });

  it.each(["entities", "entities?type=Device&q=x", "entities?type=Device&limit=1001", "types?q=1"])(
    "refuses %s, and says why",
    async (path) => {
      await using at = await sit();
      const answer = await at.get(path);
      expect(answer.status).toBe(400);
      const type = "https://uri.etsi.org/ngsi-ld/errors/BadRequestData";
      expect(await answer.json()).toMatchObject({ type, status: 400 });
      expect(at.calls).toEqual([]);
    },
  );

  it("asks for a login, and says what the hub says", async () => {
    await using at = await sit([], () => 401);
    const answer = await at.get("entities?type=Device");
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toContain("Basic");
    expect(await answer.json()).toMatchObject({ title: "refused", detail: "ask another" });
  });

  it("shows what it can of messages that are not ours", async () => {
    const strange = [
      null,
      { topic: 7 },
      { topic: "x", message: {} },
      { ...meter, message: { v: 1 } },
      { ...meter, meta: { location: { latitude: 91, longitude: 0 } }, state: { since: "now" } },
    ];
    await using at = await sit(strange);
    const ids = await idsOf(await at.get("entities?attrs=name&limit=100"));
    expect(ids).toEqual([id("Device", "m1"), id("ThreePhaseAcMeasurement", "m1")]);
  });
});
