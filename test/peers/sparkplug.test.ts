/** Our Sparkplug codec and the package tahu, which is generated from the official proto. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as payload from "../../agent/sparkplug/payload.ts";
import type { Form } from "../../agent/sparkplug/protobuf.ts";
import { messages } from "../agent/sparkplug/messages.ts";
import { needsPip } from "../peers.ts";

const { decodePayload, encodePayload, payloadForm } = payload;
const present = needsPip("tahu", "0.1.2");

/** The name of a message whose table is a function here. */
const named = new Map<Form, string>([
  [payload.payloadForm, "Payload"],
  [payload.metricForm, "Metric"],
  [payload.metaDataForm, "MetaData"],
  [payload.propertySetForm, "PropertySet"],
  [payload.propertySetListForm, "PropertySetList"],
  [payload.propertyValueForm, "PropertyValue"],
  [payload.dataSetForm, "DataSet"],
  [payload.rowForm, "Row"],
  [payload.dataSetValueForm, "DataSetValue"],
  [payload.templateForm, "Template"],
  [payload.parameterForm, "Parameter"],
]);

function told(payloads: readonly Uint8Array[]): string[] {
  const input = payloads.map((bytes) => `${Buffer.from(bytes).toString("hex")}\n`).join("");
  const script = join(import.meta.dirname, "sparkplug_payload.py");
  const ran = spawnSync("/usr/bin/python3", [script], { input, encoding: "utf8" });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return ran.stdout.replace(/\n$/, "").split("\n");
}

test.skipIf(!present)("the same messages, fields, numbers and types", () => {
  const [tables = ""] = told([]);
  const ours = [...named].map(([form, name]) => {
    const fields = Object.entries(form()).map(([field, { number, type, repeated, oneof }]) => {
      const kind = typeof type === "string" ? type : (named.get(type) ?? "extension");
      return [field, [number, kind, repeated === true, oneof ?? null]];
    });
    return [name, Object.fromEntries(fields)];
  });
  // Each oneof has an empty message of its own for what others add; here they share one.
  const theirs = tables.replaceAll(
    /"(Metric|Parameter|Property|DataSet)ValueExtension": \{\},? ?/g,
    "",
  );
  const plain: unknown = JSON.parse(
    theirs
      .replaceAll(/"(Metric|Parameter|Property|DataSet)ValueExtension"/g, '"extension"')
      .replace(/, \}$/, "}"),
  );
  expect(plain).toEqual(Object.fromEntries(ours));
});

test.skipIf(!present)("what one writes the other reads, 500 payloads of all messages", () => {
  const made = fc.sample(messages(payloadForm, 4), { numRuns: 500, seed: 1 });
  const [, ...answers] = told(made.map((one) => encodePayload(one)));
  expect(answers).toHaveLength(made.length);
  expect(answers.join("").length).toBeGreaterThan(50_000);
  const back = answers.map((hex) => decodePayload(Buffer.from(hex, "hex")));
  expect(back).toEqual(made.map((ok) => ({ ok })));
});
