/**
 * Golden machines: `device/` holds what the maker's tool prints, `expected.lp` what one reading
 * gives, `expected.err` its faults. `npx vitest -u` rewrites.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { amd } from "../../drivers/amd/index.ts";
import { ascend } from "../../drivers/ascend/index.ts";
import type { DriverKind } from "../../drivers/contract.ts";
import { nvidia } from "../../drivers/nvidia/index.ts";
import type { Reading } from "../../telemetry/index.ts";
import { isRecord, problemOf } from "../../telemetry/index.ts";
import { faultLine, lineOf } from "../drivers/lines.ts";
import { contextWith } from "../drivers/modbus/world.ts";
import { RecordedTool } from "../drivers/cards/tool.ts";

const golden = join(import.meta.dirname, "drivers");
const never = new AbortController().signal;

interface Maker {
  readonly kind: DriverKind;
  readonly tool: string;
}

const makers: readonly Maker[] = [
  { kind: nvidia, tool: "nvidia-smi" },
  { kind: amd, tool: "amd-smi" },
  { kind: ascend, tool: "npu-smi" },
];

async function optionsOf(folder: string): Promise<Readonly<Record<string, unknown>>> {
  const path = join(folder, "options.json");
  if (!existsSync(path)) return {};
  const parsed: unknown = JSON.parse(await readFile(path, "utf8"));
  return isRecord(parsed) ? parsed : {};
}

async function replay({ kind, tool: name }: Maker, folder: string): Promise<Reading> {
  const options = await optionsOf(folder);
  const called = typeof options["program"] === "string" ? options["program"] : name;
  await using tool = await RecordedTool.create(called, join(folder, "device"));
  const sample = kind === nvidia ? { sample: "50ms" } : {};
  const target = {
    id: "machine",
    options: { ...sample, ...options, program: tool.program },
    profile: undefined,
  };
  await using driver = kind.create(contextWith());
  await using session = await driver.open(target);
  const groups = session.groups.map(({ name }) => name);
  const { points, faults } = await session.read(groups, never);
  const plain = faults.map(({ code, at }) => ({ code, at: at.replaceAll(tool.program, called) }));
  return { points, faults: plain };
}

describe.each(makers)("golden machines: $tool", async (maker) => {
  const folder = join(golden, maker.kind.name);
  test.each(await readdir(folder))("%s", async (subject) => {
    const { points, faults } = await replay(maker, join(folder, subject));
    expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    const lines = points.map((point) => `${lineOf(point)}\n`).join("");
    await expect(lines).toMatchFileSnapshot(join(folder, subject, "expected.lp"));
    const errors = faults.map((fault) => `${faultLine(fault)}\n`).join("");
    await expect(errors).toMatchFileSnapshot(join(folder, subject, "expected.err"));
  });
});
