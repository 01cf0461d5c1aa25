/** Every configuration on the page about stores passes the check. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../cli/config.ts";
import { openFolder, root } from "./run.ts";

const page = readFileSync(join(root, "docs/reference/stores.md"), "utf8");
const blocks = [...page.matchAll(/```yaml\n(# ([^\n]+)\n[\s\S]*?)```/g)].map(
  ([, text = "", name = ""]) => ({ name, text }),
);

describe("the page about stores", () => {
  const folder = openFolder();
  afterAll(() => folder[Symbol.dispose]());

  test("shows a configuration for each engine but the embedded one", async () => {
    const engines = new Set(blocks.map(({ text }) => /engine: (\w+)/.exec(text)?.[1]));
    expect(engines).toEqual(new Set(["influxdb1", "influxdb2", "influxdb3", "influx", "lines"]));
  });

  test.each(blocks)("$name", async ({ text }) => {
    const file = folder.write("site.yaml", text);
    const { config } = await loadConfig(join(folder.path, file));
    expect(config.store).toMatchObject({ engine: /engine: (\w+)/.exec(text)?.[1] });
  });
});
