/** DataFusion behind a small server that imitates InfluxDB 3's writing, for a test. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface Datafusiond extends AsyncDisposable {
  readonly url: string;
}

/** Starts it on a free port. */
export async function startDatafusion(): Promise<Datafusiond> {
  const script = fileURLToPath(new URL("../store/datafusion_server.py", import.meta.url));
  const child = spawn("/usr/bin/python3", [script], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = await once(child.stdout, "data");
  return {
    url: `http://127.0.0.1:${String(port).trim()}`,
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
