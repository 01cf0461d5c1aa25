/**
 * The InfluxDB 3 engine on the wire: requests and answers in the documented form, SQL held by
 * golden files; its meaning is examined on DataFusion in `test/peers/influxdb3.test.ts`.
 * docs.influxdata.com/influxdb3/core/query-data/execute-queries/influxdb-v3-api/ (format=jsonl),
 * …/influxdb3/core/write-data/http-api/v3-write-lp/
 */
import { describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import type { Query, Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import { isRecord } from "../../telemetry/index.ts";
import type { Answer, HttpServer, Request } from "./http_server.ts";
import { serve } from "./http_server.ts";
import { realPlatform } from "./rig.ts";

const signal = new AbortController().signal;

interface Rig extends AsyncDisposable {
  readonly store: Store;
  readonly server: HttpServer;
}

async function rig(answerTo: (request: Request, nth: number) => Answer): Promise<Rig> {
  const server = await serve(answerTo);
  const options = { engine: "influxdb3", url: server.url, database: "dc", token: "apiv3_x" };
  const store = await openStore(v.parse(storeOptions, options), realPlatform());
  return {
    store,
    server,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function jsonl(...rows: readonly object[]): Answer {
  return { status: 200, body: rows.map((row) => `${JSON.stringify(row)}\n`).join("") };
}

/** A table as `information_schema.columns` shows it. */
const columns = jsonl(
  { column_name: "active_power_w", data_type: "Float64" },
  { column_name: "device", data_type: "Dictionary(Int32, Utf8)" },
  { column_name: "q", data_type: "Int64" },
  { column_name: "rack", data_type: "Dictionary(Int32, Utf8)" },
  { column_name: "time", data_type: "Timestamp(Nanosecond, None)" },
  { column_name: "x_mode", data_type: "Utf8" },
);

const from = Date.UTC(2026, 0, 1);
const query: Query = {
  measurement: "rack_power",
  fields: ["active_power_w", "x_mode"],
  aggregate: "last",
  from,
  to: from + 86_400_000,
  where: { rack: "r'1", zone: "" },
  groupBy: ["device", "zone"],
  worstQuality: 1,
};

describe("SQL", () => {
  const golden = async (name: string, ask: (store: Store) => Promise<unknown>): Promise<void> => {
    await using own = await rig((_request, nth) => (nth === 1 ? columns : jsonl()));
    await ask(own.store);
    const asked = own.server.requests.map(({ body }): unknown => JSON.parse(body)).filter(isRecord);
    const sql = `${asked.map(({ q }) => String(q)).join(";\n\n")};\n`;
    await expect(sql).toMatchFileSnapshot(`../golden/store/${name}.sql`);
  };

  test("a query for the last values", () =>
    golden("last_of_two", (store) => store.query(query, signal)));
  test("a query with windows, of any quality and place", () => {
    const { where: _, worstQuality: __, ...rest } = query;
    const fields = ["active_power_w"];
    const windowed = { ...rest, fields, aggregate: "mean", every: 60_000, groupBy: [] } as const;
    return golden("mean_by_minute", (store) => store.query(windowed, signal));
  });
  test("summaries", () => {
    const asked = { ...query, fields: ["active_power_w"], every: 300_000 };
    return golden("summaries", (store) => store.summarize(asked, signal));
  });
  test("a scan", () =>
    golden("scan", async (store) => {
      const span = { measurement: "rack_power", from, to: from + 1 };
      for await (const lines of store.scan(span, signal)) expect(lines).toEqual([]);
    }));
});

describe("a request", () => {
  test("writes with a precision that is never guessed", async () => {
    await using own = await rig(() => ({ status: 204 }));
    const line = { measurement: "rack_power", tags: {}, fields: { q: 0 }, time: 5 };
    await own.store.write([line], signal);
    const [request] = own.server.requests;
    expect(request?.path).toBe("/api/v3/write_lp?db=dc&precision=millisecond&accept_partial=true");
    expect(request?.headers.authorization).toBe("Bearer apiv3_x");
    expect(own.store.title).not.toContain("apiv3");
  });

  test("asks for JSON lines; values that are not there are absent or null", async () => {
    const answer = jsonl(
      { g0: "d1", g1: "", n0: 2, a0: 1.5, t0: from + 7, n1: 1, a1: "auto", t1: from + 3 },
      { g0: "d2", g1: "", n0: 0, a0: null, n1: 0 },
    );
    await using own = await rig((_request, nth) => (nth === 1 ? columns : answer));
    expect(await own.store.query(query, signal)).toEqual([
      {
        tags: { device: "d1", zone: "" },
        rows: [
          {
            time: from + 7,
            values: { active_power_w: 1.5, x_mode: "auto" },
            counts: { active_power_w: 2, x_mode: 1 },
          },
        ],
      },
    ]);
    expect(JSON.parse(own.server.requests[1]?.body ?? "")).toMatchObject({
      db: "dc",
      format: "jsonl",
    });
  });
});

describe("an answer", () => {
  const planning = "Error during planning: table 'public.iox.m' not found";
  const failures: readonly (readonly [number, string, string])[] = [
    [200, "<html>", "E_STORE_CONFIG"],
    [400, JSON.stringify({ error: `query error: ${planning}` }), "E_QUERY"],
    [401, "", "E_STORE_CONFIG"],
    [404, "", "E_STORE_CONFIG"],
    [429, "", "E_STORE_DOWN"],
    [500, JSON.stringify({ error: planning }), "E_QUERY"],
    [500, "Query would exceed file limit of 432 parquet files", "E_QUERY"],
    [500, "", "E_STORE_DOWN"],
    [503, "", "E_STORE_DOWN"],
  ];
  test.each(failures)("%i %s is %s", async (status, body, code) => {
    await using own = await rig(() => ({ status, body }));
    await expect(own.store.query(query, signal)).rejects.toMatchObject({ code });
  });

  test("of a database that is not there is empty", async () => {
    const body = JSON.stringify({ error: "database not found: dc" });
    await using own = await rig(() => ({ status: 404, body }));
    expect(await own.store.query(query, signal)).toEqual([]);
    expect(await own.store.measurements(signal)).toEqual([]);
  });
});
