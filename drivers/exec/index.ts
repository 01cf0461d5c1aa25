/**
 * Whatever a program of this machine can read: it runs without a shell, as the agent's user, with a
 * bare environment, and what it prints is mapped to points. Which program it is stands in the
 * configuration alone: who may write that file may run programs as the agent.
 */
import { defineDriver } from "../contract.ts";
import { Mapping } from "../mapping/mapping.ts";
import { compileRows } from "../mapping/rows.ts";
import type { TextForm } from "../mapping/text.ts";
import { programRunner } from "../transport/program.ts";
import { Gate } from "./gate.ts";
import type { ExecHeader, ExecOptions, ExecProfile } from "./options.ts";
import { execOptions, execOptionsSchema, execProfile } from "./options.ts";
import { ExecSession, output } from "./session.ts";

/** Programs that run at once, of all devices: a small machine has work of its own. */
const atOnce = 4;

export const exec = defineDriver({
  name: "exec",
  about: "Whatever a program prints as JSON, key=value or CSV, by a mapping of your own.",
  options: execOptions,
  parse: execOptionsSchema,
  profile: execProfile,
  profileOptional: true,
  tryOut: (options, profile) => {
    const { rows, ...known } = layOut(options, profile);
    compileRows(rows, known);
  },
  create({ clock }) {
    const gate = new Gate(atOnce);
    const run = programRunner(clock);
    return {
      // Two devices of one command would only fight over what it reads.
      busKey: ({ options }) => `exec ${options.command.join(" ")}`,
      // Async, so that a mistake in the mapping rejects.
      async open({ id, options, profile, memory }) {
        const mapping = new Mapping({ ...layOut(options, profile), clock, memory });
        const form = formOf(options, profile?.header);
        return new ExecSession({ id, options, form, mapping, run, gate });
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
});

function layOut(options: ExecOptions, profile: ExecProfile | undefined) {
  return {
    rows: [...(profile?.points ?? []), ...(options.rows ?? [])],
    time: options.time ?? profile?.header.time,
    documents: [output],
    levels: [],
  };
}

function formOf(options: ExecOptions, header: ExecHeader | undefined): TextForm {
  const format = options.format ?? header?.format ?? "json";
  const usual = format === "csv" ? "," : "=";
  return { format, separator: options.separator ?? header?.separator ?? usual };
}
