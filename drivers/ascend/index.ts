/**
 * The Ascend NPUs of this machine, by npu-smi. Reads, never sets. Its output is drawn for people
 * and changes with versions: where Huawei's npu-exporter runs, read that instead.
 */
import { cardDriver } from "../cards-session.ts";
import { defineDriver } from "../contract.ts";
import { programRunner } from "../transport/program.ts";
import { Machine } from "./machine.ts";
import { ascendOptions, ascendOptionsSchema } from "./options.ts";

export const ascend = defineDriver({
  name: "ascend",
  about: "Ascend NPUs of this machine, through npu-smi.",
  options: ascendOptions,
  parse: ascendOptionsSchema,
  create: ({ clock }) =>
    cardDriver({
      busKey: ({ program }) => `ascend ${program}`,
      cards({ id, options }) {
        const machine = new Machine(options, programRunner(clock));
        return {
          name: `${id} (${options.program})`,
          endpoint: { program: options.program },
          parts: machine.parts,
          close: () => Promise.resolve(),
        };
      },
    }),
});
