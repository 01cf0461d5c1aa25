/** Run by `persistence.test.ts` under node:test: the exam that aedes-persistence ships. */
import { createRequire } from "node:module";
import { test } from "node:test";
import { HubPersistence } from "../../broker/persistence.ts";

const ignore = (): void => undefined;
const exam: unknown = createRequire(import.meta.url)("aedes-persistence/abstract.js");

if (typeof exam !== "function") throw new Error("aedes-persistence ships no exam");
exam({
  test,
  testAsync: true,
  persistence: () =>
    new HubPersistence({
      limits: { messages: 1_000_000, bytes: 1e9 },
      changes: { retained: ignore, session: ignore, queued: ignore },
      granted: () => true,
    }),
});
