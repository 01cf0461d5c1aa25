/**
 * The AMD cards of this machine, by amd-smi, or by rocm-smi where there is no amd-smi. Reads, never
 * sets. Where AMD's device-metrics-exporter runs, that tells more for less.
 */
import { cardDriver } from "../cards-session.ts";
import { defineDriver } from "../contract.ts";
import { programRunner } from "../transport/program.ts";
import { Machine } from "./machine.ts";
import { amdOptions, amdOptionsSchema } from "./options.ts";

export const amd = defineDriver({
  name: "amd",
  about: "AMD accelerator cards of this machine, through amd-smi or rocm-smi.",
  options: amdOptions,
  parse: amdOptionsSchema,
  create: ({ clock }) =>
    cardDriver({
      busKey: ({ program }) => `amd ${program ?? "amd-smi"}`,
      cards({ id, options, memory }) {
        const machine = new Machine({ options, run: programRunner(clock), memory });
        const program = options.program ?? "amd-smi";
        return {
          name: `${id} (${program})`,
          endpoint: { program },
          parts: machine.parts,
          close: () => Promise.resolve(),
        };
      },
    }),
});
