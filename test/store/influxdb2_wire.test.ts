/**
 * The InfluxDB 2 engine on the wire: requests as the product's API wants them, answers as it
 * documents them. No InfluxDB 2 and no Flux interpreter is to be had here, so that the scripts
 * are held by golden files and the answers by annotated CSV in the documented form.
 * docs.influxdata.com/influxdb/v2/api/v2/ (query, buckets), …/v2/reference/syntax/annotated-csv/
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import type { Query, Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import { recordsOf, rowsOf } from "../../store/influxdb2/csv.ts";
import type { Line } from "../../telemetry/index.ts";
import { isRecord } from "../../telemetry/index.ts";
import type { Answer, HttpServer, Request } from "./http_server.ts";
import { serve } from "./http_server.ts";
import { realPlatform } from "./rig.ts";

const signal = new AbortController().signal;

interface Rig extends AsyncDisposable {
  readonly store: Store;
  readonly server: HttpServer;
}

async function rig(
  answerTo: (request: Request, nth: number) => Answer,
  more: object = {},
): Promise<Rig> {
  const server = await serve(answerTo);
  const options = { engine: "influxdb2", url: `${server.url}/base`, org: "the city", token: "t0p" };
  const parsed = v.parse(storeOptions, { ...options, bucket: "raw", ...more });
  const store = await openStore(parsed, realPlatform());
  return {
    store,
    server,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function csv(...lines: readonly string[]): Answer {
  return { status: 200, body: `${lines.join("\r\n")}\r\n\r\n` };
}

function scriptIn({ body }: Request): string {
  const parsed: unknown = JSON.parse(body);
  return isRecord(parsed) ? String(parsed["query"]) : "";
}

const from = Date.UTC(2026, 0, 1);
const query: Query = {
  measurement: "rack_power",
  fields: ["active_power_w", "x_mode"],
  aggregate: "last",
  from,
  to: from + 86_400_000,
  where: { rack: 'r"1', zone: "" },
  groupBy: ["device"],
  worstQuality: 1,
};

const line = { measurement: "rack_power", tags: { device: "d" }, fields: { q: 0 }, time: 5 };

/** Names of tags, as `schema.measurementTagKeys` answers. */
const tagKeys = csv(
  "#datatype,string,long,string",
  "#default,_result,,",
  ",result,table,_value",
  ...["_start", "_stop", "_field", "_measurement", "device", "rack"].map((tag) => `,,0,${tag}`),
);

describe("scripts", () => {
  const golden = async (name: string, ask: (store: Store) => Promise<unknown>): Promise<void> => {
    await using own = await rig((request) =>
      scriptIn(request).includes("TagKeys") ? tagKeys : { status: 200 },
    );
    await ask(own.store);
    const script = `${own.server.requests.map(scriptIn).join("\n\n")}\n`;
    await expect(script).toMatchFileSnapshot(`../golden/store/${name}.flux`);
  };

  test("a query for the last values", () =>
    golden("last_of_two", (store) => store.query(query, signal)));
  test("a query with windows, of any quality and place", () => {
    const { where: _, worstQuality: __, ...rest } = query;
    const windowed = { ...rest, aggregate: "mean", every: 60_000, groupBy: [] } as const;
    return golden("mean_by_minute", (store) => store.query(windowed, signal));
  });
  test("summaries", () => {
    const asked = { ...query, fields: ["active_power_w"], every: 300_000 };
    return golden("summaries", (store) => store.summarize(asked, signal));
  });
  test("a scan", () =>
    golden("scan", async (store) => {
      const span = { measurement: "rack_power", fields: ["q"], from, to: from + 1 };
      for await (const lines of store.scan(span, signal)) expect(lines).toEqual([]);
    }));
  test("names and size", () =>
    golden("names", async (store) => {
      await store.measurements(signal);
      await store.fields('rack"power ${x}', signal);
      await store.size(signal);
    }));
});

describe("a request", () => {
  test("writes under the base path, with organisation, bucket and token", async () => {
    await using own = await rig(() => ({ status: 204 }));
    await own.store.write([line], signal);
    const [request] = own.server.requests;
    expect(request?.path).toBe("/base/api/v2/write?org=the+city&bucket=raw&precision=ms");
    expect(request?.headers.authorization).toBe("Token t0p");
    expect(own.store.title).not.toContain("t0p");
  });

  test("asks for annotated CSV; the header may be one's own", async () => {
    const auth = "Token hub:secret";
    await using own = await rig(() => ({ status: 200 }), { auth });
    expect(await own.store.query(query, signal)).toEqual([]);
    const [request] = own.server.requests;
    expect(request?.path).toBe("/base/api/v2/query?org=the+city");
    expect(request?.headers).toMatchObject({ accept: "application/csv", authorization: auth });
    expect(JSON.parse(request?.body ?? "")).toMatchObject({
      type: "flux",
      dialect: { header: true, annotations: ["datatype", "default"] },
    });
  });

  test("a missing bucket is made, with its retention, and the write goes on", async () => {
    const missing = JSON.stringify({ code: "not found", message: 'bucket "raw" not found' });
    await using own = await rig(
      ({ path, method }, nth) => {
        if (path.includes("/orgs")) {
          return { status: 200, body: '{"orgs":[{"id":"0a1b","name":"the city"}]}' };
        }
        if (path.endsWith("/buckets") && method === "POST") return { status: 201, body: "{}" };
        return nth === 1 ? { status: 404, body: missing } : { status: 204 };
      },
      { retention: "30d" },
    );
    expect((await own.store.write([line], signal)).accepted).toBe(1);
    const { requests } = own.server;
    expect(requests.map(({ method, path }) => `${method} ${path.split("?")[0]}`)).toEqual([
      "POST /base/api/v2/write",
      "GET /base/api/v2/orgs",
      "POST /base/api/v2/buckets",
      "POST /base/api/v2/write",
    ]);
    expect(JSON.parse(requests[2]?.body ?? "")).toEqual({
      orgID: "0a1b",
      name: "raw",
      retentionRules: [{ type: "expire", everySeconds: 2_592_000 }],
    });
  });

  test("create: false leaves it missing", async () => {
    const missing = JSON.stringify({ code: "not found", message: 'bucket "raw" not found' });
    await using own = await rig(() => ({ status: 404, body: missing }), { create: false });
    await expect(own.store.write([line], signal)).rejects.toMatchObject({
      code: "E_STORE_CONFIG",
      message: expect.stringContaining("store init"),
    });
  });
});

describe("an answer", () => {
  const numbers = [
    "#datatype,string,long,long,string,long,long,double,long,double,double,double,double",
    "#default,n0,,,,,,,,,,,",
    ",result,table,w,g0,n,ft,f,lt,l,s,lo,hi",
  ];

  test("of two results is one series a group, each field with its count", async () => {
    const texts = [
      "#datatype,string,long,long,string,long,long,string,long,string",
      "#default,s1,,,,,,,,",
      ",result,table,w,g0,n,ft,f,lt,l",
    ];
    await using own = await rig(() =>
      csv(
        ...numbers,
        `,,0,0,d2,3,${from + 1},1.5,${from + 9},-4,6,-4,8.5`,
        `,,0,0,,1,${from + 2},7,${from + 2},7,7,7,7`,
        "",
        ...texts,
        `,,0,0,d2,2,${from},a,${from + 5},"say ""hi"", you"`,
      ),
    );
    expect(await own.store.query(query, signal)).toEqual([
      {
        tags: { device: "" },
        rows: [{ time: from + 2, values: { active_power_w: 7 }, counts: { active_power_w: 1 } }],
      },
      {
        tags: { device: "d2" },
        rows: [
          {
            time: from + 9,
            values: { active_power_w: -4, x_mode: 'say "hi", you' },
            counts: { active_power_w: 3, x_mode: 2 },
          },
        ],
      },
    ]);
  });

  test("gives every aggregate, windows in order of time", async () => {
    const body = csv(
      ...numbers,
      `,,0,${from + 60_000},d1,1,${from + 60_000},5,${from + 60_000},5,5,5,5`,
      `,,0,${from},d1,4,${from + 1},1,${from + 9},2,10,-3,8`,
    );
    const wanted = { count: 4, sum: 10, min: -3, max: 8, mean: 2.5, first: 1, last: 2 } as const;
    for (const aggregate of ["count", "sum", "min", "max", "mean", "first", "last"] as const) {
      await using own = await rig(() => body);
      const [series] = await own.store.query({ ...query, aggregate, every: 60_000 }, signal);
      expect(series?.rows.map(({ time }) => time)).toEqual([from, from + 60_000]);
      expect(series?.rows[0]?.values).toEqual({ active_power_w: wanted[aggregate] });
    }
  });

  test("of summaries has all tags, and none that is empty", async () => {
    const table = [
      "#datatype,string,long,long,string,string,long,long,double,long,double,double,double,double",
      "#default,n0,,,,,,,,,,,,",
      ",result,table,w,g0,g1,n,ft,f,lt,l,s,lo,hi",
      `,,0,${from},d1,,2,${from},1,${from + 1},3,4,1,3`,
    ];
    await using own = await rig((_request, nth) => (nth === 1 ? tagKeys : csv(...table)));
    const asked = { ...query, fields: ["active_power_w"], every: 60_000 };
    expect(await own.store.summarize(asked, signal)).toEqual([
      {
        tags: { device: "d1" },
        rows: [
          {
            time: from,
            fields: { active_power_w: { count: 2, sum: 4, min: 1, max: 3, first: 1, last: 3 } },
          },
        ],
      },
    ]);
  });

  test("of a scan is lines", async () => {
    const table = [
      "#datatype,string,long,dateTime:RFC3339,string,string,double,long,string",
      "#default,_result,,,,,,,",
      ",result,table,_time,device,rack,active_power_w,energy_wh_total,x_mode",
      ",,0,2026-01-01T00:00:00.25Z,d1,r1,1.5,7,",
      ",,0,2026-01-01T00:00:01Z,d1,,,,auto",
    ];
    await using own = await rig((_request, nth) => (nth === 1 ? tagKeys : csv(...table)));
    const span = { measurement: "rack_power", from, to: from + 5000 };
    const found: Line[] = [];
    for await (const lines of own.store.scan(span, signal)) found.push(...lines);
    expect(found).toEqual([
      {
        measurement: "rack_power",
        tags: { device: "d1", rack: "r1" },
        fields: { active_power_w: 1.5, energy_wh_total: 7 },
        time: from + 250,
      },
      {
        measurement: "rack_power",
        tags: { device: "d1" },
        fields: { x_mode: "auto" },
        time: from + 1000,
      },
    ]);
  });

  const failures: readonly (readonly [number, string, string])[] = [
    [
      200,
      "#datatype,string,string\r\n#default,,\r\n,error,reference\r\n,Failed to parse query,897\r\n",
      "E_QUERY",
    ],
    [400, '{"code":"invalid","message":"error @1:1-1:5: undefined identifier rows"}', "E_QUERY"],
    [401, '{"code":"unauthorized","message":"unauthorized access"}', "E_STORE_CONFIG"],
    [404, "404 page not found", "E_STORE_CONFIG"],
    [429, '{"code":"too many requests","message":"slow"}', "E_STORE_DOWN"],
    [500, '{"code":"internal error","message":"an internal error has occurred"}', "E_STORE_DOWN"],
    [503, "", "E_STORE_DOWN"],
  ];
  test.each(failures)("%i %s is %s", async (status, body, code) => {
    await using own = await rig(() => ({ status, body }));
    await expect(own.store.query(query, signal)).rejects.toMatchObject({ code });
  });

  test("of a bucket that is not there is empty", async () => {
    const message = 'failed to initialize execute state: could not find bucket "raw"';
    const body = JSON.stringify({ code: "not found", message });
    await using own = await rig(() => ({ status: 404, body }));
    expect(await own.store.query(query, signal)).toEqual([]);
    expect(await own.store.measurements(signal)).toEqual([]);
  });
});

describe("annotated CSV", () => {
  test("reads any cells back, [RFC 4180 §2]", () => {
    const cell = fc.oneof(fc.string(), fc.constantFrom("", '"', ",", "\n", "\r\n", 'a"b'));
    const records = fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
    const property = fc.property(records, fc.constantFrom("\n", "\r\n"), (given, end) => {
      const quoted = given.map((cells) => cells.map((text) => `"${text.replaceAll('"', '""')}"`));
      const text = quoted.map((cells) => cells.join(",") + end).join("");
      expect([...recordsOf(text)]).toEqual(given);
    });
    fc.assert(property);
  });

  test("never throws but E_QUERY, whatever comes", () => {
    const property = fc.property(fc.string(), (text) => {
      try {
        rowsOf(text);
      } catch (error) {
        expect(error).toMatchObject({ code: "E_QUERY" });
      }
    });
    fc.assert(property);
  });
});
