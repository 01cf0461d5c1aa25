/**
 * Enrolment as people do it: the commands of docs/securing-the-hub.md at a real hub and agent, with
 * mosquitto's clients and openssl as witnesses, and a hub that is killed in the middle.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { decodeToken, encodeToken, isRecord } from "../../telemetry/index.ts";
import { root } from "../cli/run.ts";
import { needs } from "../peers.ts";
import { freePort } from "../ports.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { startRackstreet } from "../rackstreet.ts";

const run = promisify(execFile);
const present =
  needs("mosquitto_pub", "mosquitto-clients") &&
  needs("mosquitto_sub", "mosquitto-clients") &&
  needs("openssl", "openssl");

const page = readFileSync(join(root, "docs/securing-the-hub.md"), "utf8");

/** The blocks of a chapter of the page, in one language. */
function blocks(chapter: string, language: string): readonly string[] {
  const [, text = ""] = page.split(`## ${chapter}\n`);
  const [mine = ""] = text.split("\n## ");
  const form = new RegExp(`\`\`\`${language}\n([^\`]*(?:\`[^\`]+)*?)\`\`\``, "g");
  return [...mine.matchAll(form)].map(([, block = ""]) => block);
}

/** Its commands, one a line, as they run here. */
function commands(chapter: string, port: number): readonly string[] {
  return blocks(chapter, "sh")
    .join("\n")
    .replaceAll("\\\n", " ")
    .replaceAll("hub.example.org -p 8883", `127.0.0.1 -p ${port}`)
    .replaceAll("hub.example.org:8883", `127.0.0.1:${port}`)
    .split("\n")
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => line !== "");
}

interface World extends AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly hub: () => Rackstreet;
  startHub(): Promise<void>;
  /** Runs one line of the page in its folder; what it printed, both ways. */
  sh(line: string): Promise<string>;
}

async function world(hubSection = ""): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-enrol-"));
  const port = await freePort();
  const [hubYaml = "", edgeYaml = ""] = blocks("Enrolment", "yaml").map((text) =>
    text
      .replaceAll("0.0.0.0:8883", `127.0.0.1:${port}`)
      .replaceAll("hub.example.org:8883", `127.0.0.1:${port}`),
  );
  const store = `store: { engine: sqlite, path: store.sqlite }\n${hubSection}`;
  await writeFile(join(folder, "hub.yaml"), hubYaml + store);
  await writeFile(join(folder, "edge.yaml"), `${edgeYaml}devices: { box: { driver: host } }\n`);
  await mkdir(join(folder, "bin"));
  const program = `#!/bin/sh\nexec ${process.execPath} ${join(root, "cli/main.ts")} "$@"\n`;
  await writeFile(join(folder, "bin/rackstreet"), program, { mode: 0o755 });
  const env = {
    ...process.env,
    NODE_OPTIONS: "",
    PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
  };
  let hub: Rackstreet | undefined;
  return {
    folder,
    port,
    hub: () => hub ?? expect.fail("no hub"),
    async startHub() {
      hub = startRackstreet(
        ["hub", "hub.yaml"],
        ["sh", "-c", `cd ${folder} && exec bin/rackstreet "$0" "$1"`],
      );
      await hub.logged("hub started");
    },
    async sh(line) {
      const options = { cwd: folder, env, timeout: 30_000 };
      const { stdout, stderr } = await run("sh", ["-c", line], options);
      return stdout + stderr;
    },
    async [Symbol.asyncDispose]() {
      await hub?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a failed command said. */
async function failing(done: Promise<string>): Promise<string> {
  try {
    return expect.fail(`went well: ${await done}`);
  } catch (error) {
    const { code, stderr } = isRecord(error) ? error : {};
    if (typeof code !== "number" || typeof stderr !== "string") throw error;
    return `${code} ${stderr}`;
  }
}

describe.skipIf(!present)("the page's commands", () => {
  it("enrol an agent, which publishes, is listed, and is gone once revoked", async () => {
    await using at = await world();
    const lines = commands("Enrolment", at.port);
    const [token = "", enrol = "", agent = "", ls = "", revoke = "", pub = "", verify = ""] = lines;
    expect(lines).toHaveLength(7);
    expect(agent).toBe("rackstreet agent edge.yaml");
    await at.startHub();
    expect(await at.sh(token)).toMatch(/for agent edge-1 of local\/main\/hall, once, until/);
    const text = await readFile(join(at.folder, "token"), "utf8");
    const kept = await readFile(join(at.folder, "hub/enroll/orders.json"), "utf8");
    expect(kept).not.toContain(decodeToken(text.trim())?.secret);
    expect(await at.sh(enrol)).toMatch(/edge-1 of local\/main\/hall has a certificate until/);
    for (const secret of ["edge/uplink.pem", "hub/enroll/ca-key.pem", "hub/enroll/hub.pem"]) {
      expect((await stat(join(at.folder, secret))).mode & 0o777).toBe(0o600);
    }
    expect(await at.sh(verify)).toContain("uplink.pem: OK");
    await at.sh(pub);
    expect(await at.sh(ls)).toMatch(/edge-1 .*local\/main\/hall .*enrolled/);
    const start = `cd ${at.folder} && exec bin/rackstreet "$0" "$1"`;
    await using edge = startRackstreet(["agent", "edge.yaml"], ["sh", "-c", start]);
    await edge.logged("uplink connected");
    await at.hub().logged("first batch stored");
    expect(await at.sh(revoke)).toMatch(/1 certificates revoked, 0 tokens withdrawn/);
    await edge.logged("uplink lost");
    // Its own words, and the hub's.
    await vi.waitFor(
      () => expect(edge.stderr()).toMatch(/does not take this agent's certificate: it was revoked/),
      { timeout: 20_000 },
    );
    expect(edge.stderr()).toContain("its certificate was revoked or replaced");
    expect(await at.hub().logged("client refused")).toMatchObject({ why: "revoked" });
    expect(await failing(at.sh(pub))).toMatch(/not authori[sz]ed/i);
    expect(await at.sh(ls)).toMatch(/edge-1 .*revoked/);
    const fresh = "rackstreet enroll token hub.yaml --agent edge-1 > token";
    await at.sh(fresh);
    await at.sh(enrol);
    await at.sh(pub);
  }, 120_000);

  it("add an organisation", async () => {
    await using at = await world();
    const [add = ""] = commands("Organisations", at.port);
    expect(await at.sh(add)).toMatch(/organisation cn\/power with user power\npassword, shown/);
    await at.sh("rackstreet check hub.yaml");
    expect(await failing(at.sh(add))).toMatch(/^78 .*\n.*is there already/);
  }, 60_000);
});

describe.skipIf(!present)("what goes wrong", () => {
  const enrol = (port: number): string =>
    `rackstreet enroll mqtts://127.0.0.1:${port} --token-from file:token -c edge.yaml`;
  const token = "rackstreet enroll token hub.yaml --agent edge-1 > token";

  it("a token twice, of another hub, of another agent, on the command line, made up", async () => {
    await using at = await world();
    await at.startHub();
    await at.sh(token);
    const good = (await readFile(join(at.folder, "token"), "utf8")).trim();
    const parts = decodeToken(good) ?? expect.fail("no token");
    const tried = async (changed: Partial<typeof parts>): Promise<string> => {
      await writeFile(join(at.folder, "token"), encodeToken({ ...parts, ...changed }));
      return failing(at.sh(enrol(at.port)));
    };
    expect(await tried({ hub: "ab".repeat(32) })).toMatch(/^78 .*E_CERTIFICATE.* is for abab/);
    // Nothing was sent: the hub saw no login.
    expect(at.hub().log.filter(({ msg }) => msg === "client refused")).toEqual([]);
    expect(await tried({ agent: "edge-2" })).toMatch(/^64 .*token is for agent edge-2/);
    expect(await tried({ secret: "ab".repeat(16) })).toMatch(/^69 .*does not know this token/);
    const naked = enrol(at.port).replace("file:token", good);
    expect(await failing(at.sh(naked))).toMatch(/^64 .*write \$\{NAME\} or file:/);
    await writeFile(join(at.folder, "token"), good);
    await at.sh(enrol(at.port));
    // The private key is new each time, so that this is somebody else.
    expect(await failing(at.sh(enrol(at.port)))).toMatch(/^69 .*this token was used already/);
  }, 90_000);

  it("a token does no more than enrol: no topic to write, none to hear", async () => {
    await using at = await world();
    await at.startHub();
    await at.sh(token);
    const { id, secret } =
      decodeToken((await readFile(join(at.folder, "token"), "utf8")).trim()) ?? expect.fail();
    const hub = `--cafile hub/enroll/ca.pem -h 127.0.0.1 -p ${at.port} -i x`;
    const login = `${hub} -u enroll/${id} -P ${secret}`;
    const own = "rackstreet/v1/local/main/hall/agent/edge-1";
    const heard = at.sh(`mosquitto_sub ${login} -t '${own}/denied' -C 1 -W 20`);
    await vi.waitFor(
      async () => {
        await at.sh(`mosquitto_pub ${login.replace("-i x", "-i y")} -q 1 -t ${own}/event -m x`);
        expect(await Promise.race([heard, Promise.resolve("")])).toMatch(/this token is for/);
      },
      { timeout: 20_000, interval: 300 },
    );
    const nosy = at.sh(`mosquitto_sub ${login} -t 'rackstreet/#' -C 1 -W 5`);
    expect(await nosy).toContain("All subscription requests were denied");
  }, 60_000);

  it("a hub killed with -9 at any moment of issuing costs no token", async () => {
    await using at = await world();
    for (const moment of ["before", "issued", "issued"]) {
      await at.startHub();
      await at.sh(token);
      const asked = at.sh(enrol(at.port)).catch(() => "failed");
      // Right behind the disk, before or while the answer leaves.
      if (moment === "issued") await at.hub().logged("certificate issued");
      await at.hub().end("SIGKILL");
      const first = await asked;
      await at.startHub();
      if (first === "failed") {
        expect(await at.sh(enrol(at.port))).toContain("has a certificate until");
      }
      await at.sh("openssl verify -CAfile hub/enroll/ca.pem edge/uplink.pem");
      const list = await at.sh("rackstreet enroll ls hub.yaml --json");
      expect(JSON.parse(list)).toMatchObject([{ agent: "edge-1", state: "enrolled" }]);
      await at.hub().end("SIGTERM");
    }
  }, 240_000);
});
