/** The embedded engine passes the store exam, each test with a file of its own. */
import { storeExam } from "../contract/store.ts";
import { openSqlite } from "../../store/sqlite/engine.ts";
import { realPlatform, temporaryFolder } from "./rig.ts";

const century = 36_500 * 86_400_000;

storeExam("sqlite", async () => {
  const folder = await temporaryFolder();
  const path = folder.file("store.sqlite");
  const limits = { path, retention: 2 * century, maxSize: 2 ** 31 };
  const store = await openSqlite(limits, realPlatform());
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});
