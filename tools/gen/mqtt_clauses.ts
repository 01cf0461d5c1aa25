/** `docs/reference/mqtt-clauses.gen.md`: the clauses of MQTT 3.1.1, and what proves each. */
import type { Proven } from "../../test/broker/clauses/proofs.ts";
import { proven } from "../../test/broker/clauses/proofs.ts";
import { page, table } from "./page.ts";

export function mqttClausesPage(): string {
  const forServers = proven.filter(({ binds }) => binds !== "client");
  const tested = forServers.filter(({ tests }) => tests.length > 0);
  return page(
    "# MQTT 3.1.1, clause by clause",
    [
      "The numbered statements of the standard (OASIS, 29 October 2014, Appendix B) in our words:",
      "whom each binds, which test of the hub proves it, and what of it the hub does not keep.",
      "The mark of a clause, `[MQTT-3.1.0-1]`, stands in the name of its test, and in a comment",
      `where the code obeys it. Of ${proven.length} clauses ${forServers.length} bind a server;`,
      `${tested.length} of those have a test, the others a reason.`,
    ].join("\n"),
    table(["Clause", "Binds", "Says", "Tests", "Code", "Not kept, or not tested"], proven.map(row)),
  );
}

function row({ id, binds, says, tests, code, waived, limit }: Proven): string[] {
  const why = [waived, limit].filter((text) => text !== undefined).join("; ");
  return [id, binds, says, tests.map(link).join(", "), code.map(link).join(", "), why];
}

function link(path: string): string {
  return `[${path.replace(/^(test\/)?broker\//, "").replace(/(\.test)?\.ts$/, "")}](../../${path})`;
}
