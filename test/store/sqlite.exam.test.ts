/** The embedded engine passes the store exam, each test with a file of its own. */
import { storeExam } from "../contract/store.ts";
import { openSqlite } from "../../store/sqlite/engine.ts";
import { realPlatform, temporaryFolder, wideBounds } from "./rig.ts";

storeExam("sqlite", async () => {
  const folder = await temporaryFolder();
  const path = folder.file("store.sqlite");
  const store = await openSqlite({ path, ...wideBounds }, realPlatform());
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});
