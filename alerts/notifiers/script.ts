/**
 * Runs a program for each message, with the message as JSON on standard input. It is taken when the
 * program ends with 0, refused for good with 65 (EX_DATAERR of sysexits), else tried again.
 */
import { option, secret, text, v } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Notifier } from "./contract.ts";
import { jsonOf } from "./json.ts";
import { commonOptions } from "./options.ts";
import { runProgram } from "./program.ts";

export const scriptOptions = v.strictObject({
  kind: option(v.literal("script"), { about: "Runs a program, with JSON on standard input." }),
  ...commonOptions,
  program: option(text, {
    about: "A path, or a name that is looked for in PATH; no shell is used.",
    example: "/usr/local/bin/page-the-guard",
  }),
  args: v.optional(
    option(v.pipe(v.array(v.string()), v.maxLength(64)), {
      about: "Its arguments; all users of the machine can read them, so no secrets.",
    }),
    [],
  ),
  environment: v.optional(
    option(v.pipe(v.record(text, secret), v.maxEntries(64)), {
      about: "Its environment beside PATH; secrets go here.",
    }),
    {},
  ),
});
type Options = v.InferOutput<typeof scriptOptions>;

/** `EX_DATAERR` of sysexits. */
const refused = 65;

export function script({ program, args, environment }: Options): Notifier {
  return {
    atOnce: 1,
    async send(message, signal) {
      const revealed = Object.entries(environment).map(([name, one]) => [name, one.reveal()]);
      const secrets = Object.fromEntries(revealed);
      const call = { program, args, input: `${jsonOf(message)}\n`, environment: secrets };
      const { exit, said } = await runProgram(call, signal);
      if (exit === 0) return;
      const words = said === "" ? "" : `: ${said}`;
      const code = exit === refused ? "E_NOTIFY_REFUSED" : "E_NOTIFY";
      throw new GatewayError(code, `${program} ended with ${exit}${words}`);
    },
  };
}
