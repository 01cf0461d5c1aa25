/** `docs/reference/errors.gen.md`: the table of error codes with what a person should do. */
import { exitCodeOf } from "../../cli/exit.ts";
import type { Code, CodeEntry } from "../../telemetry/index.ts";
import { codes, GatewayError } from "../../telemetry/index.ts";
import { code, page, table } from "./page.ts";

const verdicts = [
  ["retry", "The world is not ready. The datum is kept and tried again by itself."],
  ["reject", "This datum never. It is set aside with its reason and counted."],
  ["config", "A person must act. Nothing spins until then."],
  ["fatal", "A bug of ours. The process ends; what was spooled is safe."],
] as const;

export function errorsPage(): string {
  return page(
    "# Errors",
    "A code never changes its meaning. The exit code is that of a command which ended with it.",
    table(["Verdict", "Means"], verdicts),
    table(
      ["Code", "Verdict", "Exit", "Means", "What to do"],
      Object.keys(codes).filter(isCode).map(row),
    ),
  );
}

function isCode(name: string): name is Code {
  return name in codes;
}

function row(name: Code): string[] {
  const { verdict, means, remedy }: CodeEntry = codes[name];
  return [code(name), verdict, String(exitCodeOf(new GatewayError(name, ""))), means, remedy];
}
