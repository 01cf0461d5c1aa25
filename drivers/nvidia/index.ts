/**
 * The NVIDIA cards of this machine, by nvidia-smi: one process that runs on prints all cards, its
 * XML output tells what the columns lack, `nvlink` the links. Reads, never sets. Where DCGM's
 * exporter runs, that tells more (tensor and memory activity, energy, XID) for less.
 */
import { cardDriver } from "../cards-session.ts";
import { defineDriver } from "../contract.ts";
import { programRunner } from "../transport/program.ts";
import { Machine } from "./machine.ts";
import { nvidiaOptions, nvidiaOptionsSchema } from "./options.ts";

export const nvidia = defineDriver({
  name: "nvidia",
  about: "NVIDIA accelerator cards of this machine, through nvidia-smi.",
  options: nvidiaOptions,
  parse: nvidiaOptionsSchema,
  create: ({ clock }) =>
    cardDriver({
      busKey: ({ program }) => `nvidia ${program}`,
      cards({ id, options, memory }) {
        const run = programRunner(clock);
        const machine = new Machine({ options, clock, run, memory });
        return {
          name: `${id} (${options.program})`,
          endpoint: { program: options.program },
          parts: machine.parts,
          close: () => machine.close(),
        };
      },
    }),
});
