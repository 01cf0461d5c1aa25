/**
 * The InfluxDB 3 engine passes the store exam on DataFusion, the SQL engine inside InfluxDB 3,
 * behind a small server that imitates the writing: `test/store/datafusion_server.py`.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe } from "vitest";
import { openInfluxdb3 } from "../../store/influxdb3/engine.ts";
import { storeExam } from "../contract/store.ts";
import { needsPip } from "../peers.ts";
import { realPlatform } from "../store/rig.ts";

describe.skipIf(!needsPip("datafusion", "43.1.0"))("InfluxDB 3 on DataFusion", () => {
  let server: ChildProcess;
  let url = "";
  let databases = 0;

  beforeAll(async () => {
    const script = fileURLToPath(new URL("../store/datafusion_server.py", import.meta.url));
    const child = spawn("/usr/bin/python3", [script], { stdio: ["ignore", "pipe", "inherit"] });
    server = child;
    const [port] = await once(child.stdout, "data");
    url = `http://127.0.0.1:${String(port).trim()}`;
  });
  afterAll(async () => {
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
  });

  storeExam("influxdb3", () => {
    databases += 1;
    const database = `exam ${databases}`;
    const options = { engine: "influxdb3", url, database, gzip: false, timeout: 10_000 } as const;
    const store = openInfluxdb3(options, realPlatform());
    const end = (): Promise<void> => Promise.resolve(store[Symbol.asyncDispose]());
    return Promise.resolve({ store, seriesUnknown: true, [Symbol.asyncDispose]: end });
  });
});
