/**
 * The InfluxDB 3 engine passes the store exam on DataFusion, the SQL engine inside InfluxDB 3,
 * behind a small server that imitates the writing: `test/store/datafusion_server.py`.
 */
import { afterAll, beforeAll, describe } from "vitest";
import { openInfluxdb3 } from "../../store/influxdb3/engine.ts";
import { storeExam } from "../contract/store.ts";
import { needsPip } from "../peers.ts";
import { realPlatform } from "../store/rig.ts";
import type { Datafusiond } from "./datafusiond.ts";
import { startDatafusion } from "./datafusiond.ts";

describe.skipIf(!needsPip("datafusion", "43.1.0"))("InfluxDB 3 on DataFusion", () => {
  let server: Datafusiond;
  let databases = 0;

  beforeAll(async () => {
    server = await startDatafusion();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  storeExam("influxdb3", () => {
    databases += 1;
    const database = `exam ${databases}`;
    const options = {
      engine: "influxdb3",
      url: server.url,
      database,
      gzip: false,
      timeout: 10_000,
    } as const;
    const store = openInfluxdb3(options, realPlatform());
    const end = (): Promise<void> => Promise.resolve(store[Symbol.asyncDispose]());
    return Promise.resolve({ store, seriesUnknown: true, [Symbol.asyncDispose]: end });
  });
});
