/** SQL over a store's rows: what it shows and refuses, and how a file falls into statements. */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openStore, SqlReader, sqlStatements, storeOptions } from "../../store/index.ts";
import { realPlatform, temporaryFolder } from "./rig.ts";

const signal = new AbortController().signal;
const time = Date.UTC(2025, 2, 1);

describe("SQL over a store", () => {
  const parts = new AsyncDisposableStack();
  let store: Store;
  let reader: SqlReader;
  beforeAll(async () => {
    const path = parts.use(await temporaryFolder()).file("store.sqlite");
    const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
    store = parts.use(await openStore(options, realPlatform()));
    const tags = { site: "lab", device: "pdu", feed: "it's" };
    const fields = { active_power_w: 7, energy_wh_total: 5, x_note: "text", q: 0 };
    await store.write(
      [-1, 0, 1].map((at) => ({ measurement: "rack_power", tags, fields, time: time + at })),
      signal,
    );
    reader = parts.use(new SqlReader(store, { from: time, to: time + 2 }));
  });
  afterAll(() => parts.disposeAsync());

  test("shows the rows of its span, fields that nobody wrote, and own ones", async () => {
    const columns = "time, feed, rack, active_power_w / 2, energy_wh_total / 2, peak_w, x_note";
    const { rows } = await reader.ask(`SELECT ${columns} FROM rack_power ORDER BY time`, signal);
    const row = ["it's", null, 3.5, 2, null, "text"];
    expect(rows).toEqual([
      [time, ...row],
      [time + 1, ...row],
    ]);
  });

  test("takes a measurement of the register that holds nothing as an empty table", async () => {
    const { columns, rows } = await reader.ask("SELECT temp_c FROM thermal", signal);
    expect([columns, rows]).toEqual([["temp_c"], []]);
  });

  test.each([
    ["DELETE FROM rack_power", "only SELECT is allowed"],
    ["INSERT INTO rack_power (time) VALUES (1)", "only SELECT is allowed"],
    ["DROP TABLE rack_power", "only SELECT is allowed"],
    ["ATTACH DATABASE 'store.sqlite' AS s", "only SELECT is allowed"],
    ["PRAGMA query_only", "only SELECT is allowed"],
    ["SELECT load_extension('x')", "only SELECT is allowed"],
    ["SELECT * FROM rack_powr", "no measurement rack_powr; there are rack_power"],
    ["SELECT watts FROM rack_power", "no such column: watts"],
  ])("refuses %s", async (statement, why) => {
    await reader.ask("SELECT 1 FROM rack_power", signal);
    const refused = { code: "E_QUERY", message: expect.stringContaining(why) };
    await expect(reader.ask(statement, signal)).rejects.toMatchObject(refused);
  });
});

describe("the statements of a file", () => {
  test("end at semicolons that stand in no quotes and no remark", () => {
    const text = "-- one; two\nSELECT ';' AS \"a;b\" /* ; */ FROM t;\n;\nSELECT 'it''s;';-- end";
    expect(sqlStatements(text)).toEqual(["SELECT ';' AS \"a;b\"   FROM t", "SELECT 'it''s;'"]);
  });

  test("are what was joined, whatever is in their quotes", () => {
    const quoted = fc.string().map((text) => `SELECT '${text.replaceAll("'", "''")}'`);
    fc.assert(
      fc.property(fc.array(quoted), (all) => {
        expect(sqlStatements(all.join(";\n"))).toEqual(all);
      }),
    );
  });
});
