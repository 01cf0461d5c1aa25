/** The SQL of `capacity queries --dialect sqlite` on the embedded store: the hub's own figures. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { queryFile } from "../../../alerts/index.ts";
import type { Store } from "../../../store/index.ts";
import { SqlReader } from "../../../store/index.ts";
import { temporaryFolder } from "../../store/rig.ts";
import { differences, filledStore, hubSays, since, until } from "./site.ts";

const signal = new AbortController().signal;

describe.each([
  ["of one kind of meter", false],
  ["of two kinds of meters", true],
])("SQL on the embedded store, %s", (_, mixed) => {
  const parts = new AsyncDisposableStack();
  let store: Store;
  beforeAll(async () => {
    store = parts.use(await filledStore(parts.use(await temporaryFolder())));
  });
  afterAll(() => parts.disposeAsync());

  test("every statement gives the hub's own figures", async () => {
    const said = await hubSays(store, mixed);
    const { statements, untold } = queryFile("sqlite", said.questions, {
      since,
      until,
      bucket: "",
    });
    using reader = new SqlReader(store, { from: 0, to: until });
    const wrong: string[] = [];
    const empty: string[] = [];
    for (const { name, text } of statements) {
      const { columns, rows } = await reader.ask(text, signal);
      if (rows.length === 0) empty.push(name);
      for (const row of rows) {
        const told = Object.fromEntries(columns.map((column, at) => [column, row[at]]));
        if (name === "PUE") {
          const { facility, it, ratio } = said.pue.ratio === undefined ? {} : said.pue;
          expect(told).toEqual({ facility_wh: facility, it_wh: it, fell: 0, pue: ratio });
          continue;
        }
        const [id = ""] = name.split(" ");
        wrong.push(...differences(said, [id, String(told["quantity"]), told]));
      }
    }
    expect(wrong).toEqual([]);
    // Meters that tell no phases, of which the hub assumes that they share evenly.
    expect(empty).toEqual(mixed ? ["grid phases", "pdu-3b phases"] : ["grid phases"]);
    expect(statements.map(({ name }) => name)).toContain("r03 W");
    expect(untold).toEqual([
      "site site: nothing measures pump",
      "ups ups-b: nothing measures pump",
      "breaker dark: nothing measures pump",
    ]);
  });
});
