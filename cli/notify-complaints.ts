/** What a notifier names must be there: rules that nobody made would never be told. */
import type { Complaint, YamlFile } from "../config/index.ts";
import { commonCause } from "../alerts/index.ts";
import { nearest } from "../config/index.ts";
import type { Config } from "./schema.ts";

export function notifyComplaints(file: YamlFile, { notify, rules }: Config): Complaint[] {
  const known = Object.keys(rules);
  return Object.entries(notify).flatMap(([name, options]) =>
    (options.rules ?? []).flatMap((rule, index) => {
      if (Object.hasOwn(rules, rule) || rule === commonCause) return [];
      const near = nearest(rule, known);
      const hint = near === undefined ? "" : `; did you mean "${near}"?`;
      const path = ["notify", name, "rules", index];
      return [file.complain(path, `there is no rule "${rule}"${hint}`)];
    }),
  );
}
