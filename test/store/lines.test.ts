/** The engine for servers that only take lines. */
import { expect, test } from "vitest";
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import { dropCounts } from "../../store/lines/drops.ts";
import { serve } from "./http_server.ts";
import type { Said } from "./rig.ts";
import { realPlatform } from "./rig.ts";

const signal = new AbortController().signal;
const line = { measurement: "rack_power", tags: {}, fields: { q: 0 }, time: 5 };

async function open(options: object, said: Said[] = []): Promise<Store> {
  return openStore(v.parse(storeOptions, { engine: "lines", ...options }), realPlatform(said));
}

test.each([
  [{}, "", "/write?precision=ms"],
  [{}, "/insert/0/influx", "/insert/0/influx/write?precision=ms"],
  [
    { dialect: "influxdb2", database: "dc" },
    "/influx",
    "/influx/api/v2/write?precision=ms&bucket=dc",
  ],
  [
    { dialect: "influxdb3", database: "dc", parameters: { no_sync: "false" } },
    "",
    "/api/v3/write_lp?precision=millisecond&db=dc&no_sync=false",
  ],
] as const)("%j under %j writes to %s", async (options, base, path) => {
  await using server = await serve(() => ({ status: 204 }));
  const auth = "Token hub:secret";
  await using store = await open({ ...options, url: `${server.url}${base}`, auth });
  expect((await store.write([line], signal)).accepted).toBe(1);
  expect(server.requests[0]).toMatchObject({ path, headers: { authorization: auth } });
});

test("a question is refused with what to use instead", async () => {
  await using store = await open({ url: "http://127.0.0.1:1" });
  const asked = { measurement: "m", fields: ["x_a"], from: 0, to: 1 };
  const refused = { code: "E_QUERY", message: expect.stringContaining("PromQL") };
  for (const answer of [
    store.query({ ...asked, aggregate: "last" }, signal),
    store.summarize({ ...asked, every: 1 }, signal),
    store.measurements(signal),
    store.fields("m", signal),
    store.scan(asked, signal)[Symbol.asyncIterator]().next(),
  ]) {
    await expect(answer).rejects.toMatchObject(refused);
  }
  expect(await store.size(signal)).toEqual({ bytes: undefined, series: undefined });
});

const page = (ignored: number): string =>
  `# TYPE vm_rows_ignored_total counter
vm_rows_ignored_total{reason="big_timestamp"} ${ignored}
vm_rows_ignored_total{reason="nan_value"} 0
vm_rows_invalid_total{type="influx"} 4
vm_rows_inserted_total{type="influx"} 9
`;

test("reads what was dropped from a page of metrics", () => {
  expect([...dropCounts(page(3))]).toEqual([
    ['vm_rows_ignored_total{reason="big_timestamp"}', 3],
    ['vm_rows_ignored_total{reason="nan_value"}', 0],
    ['vm_rows_invalid_total{type="influx"}', 4],
  ]);
});

test("what is dropped from now on is said, once a minute at most", async () => {
  let pages = 0;
  await using server = await serve(({ path }) => {
    if (path !== "/metrics") return { status: 204 };
    pages += 1;
    return { status: 200, body: page(pages * 10) };
  });
  const said: Said[] = [];
  let elapsed = 0;
  const real = realPlatform(said);
  const platform = { ...real, clock: { ...real.clock, monotonic: () => elapsed } };
  const options = { engine: "lines", url: `${server.url}/influx`, metrics: "/metrics" };
  await using store = await openStore(v.parse(storeOptions, options), platform);
  for (const time of [0, 59_999, 60_000]) {
    elapsed = time;
    await store.write([line], signal);
  }
  expect(pages).toBe(2);
  expect(said).toEqual([
    {
      event: "store dropped rows",
      fields: { counted: 'vm_rows_ignored_total{reason="big_timestamp"}', rows: 10 },
    },
  ]);
});

test("a page that cannot be read fails no write", async () => {
  await using server = await serve(({ path }) =>
    path === "/metrics" ? { status: 404, body: "" } : { status: 204 },
  );
  const said: Said[] = [];
  await using store = await open({ url: server.url, metrics: "/metrics" }, said);
  expect((await store.write([line], signal)).accepted).toBe(1);
  expect(said.map(({ event }) => event)).toEqual(["store metrics unread"]);
});
