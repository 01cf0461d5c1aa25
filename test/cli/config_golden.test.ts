/**
 * Golden configurations: each folder of test/golden/config/ holds a file as a person would write
 * it and what `check` says of it; and every example that ships is good.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { complaintText, ComplaintsError } from "../../config/index.ts";
import { loadConfig } from "../../cli/config.ts";
import { root } from "./run.ts";

const golden = join(root, "test/golden/config");
const examples = join(root, "config/examples");

/** What is wrong with a configuration, one line each; or how much is in it. */
async function verdict(path: string): Promise<string> {
  try {
    const { config, devices } = await loadConfig(path);
    const rules = Object.keys(config.rules);
    return `good: devices ${devices.map(({ id }) => id).join(" ")}; rules ${rules.join(" ")}\n`;
  } catch (error) {
    if (!(error instanceof ComplaintsError)) throw error;
    const lines = error.complaints.map((complaint) => complaintText({ ...complaint, file: "" }));
    return `${lines.map((line) => line.slice(1)).join("\n")}\n`;
  }
}

describe("a golden configuration", () => {
  test.each(readdirSync(golden).toSorted())("%s", async (name) => {
    const found = await verdict(join(golden, name, "config.yaml"));
    await expect(found).toMatchFileSnapshot(join(golden, name, "expected.txt"));
  });
});

describe("an example that ships", () => {
  const names = readdirSync(examples).filter((name) => name.endsWith(".yaml"));
  test.each(names)("%s is good", async (name) => {
    expect(await verdict(join(examples, name))).toMatch(/^good: /);
  });

  test("is there", () => {
    expect(names.length).toBeGreaterThan(0);
  });
});
