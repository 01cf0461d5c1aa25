/** Enrolled agents at the hub's TLS: who they are taken for, and who nobody is taken for. */
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { IClientOptions } from "mqtt";
import { connectAsync } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import { newKey, requestFor } from "../../agent/enrol/request.ts";
import { openEnrolment, prepareEnrolment } from "../../broker/enrol/open.ts";
import type { EnrolSetup } from "../../broker/enrol/open.ts";
import { digestOf, readOrders, withRevocation, withToken } from "../../broker/enrol/orders.ts";
import { writeOrders } from "../../broker/enrol/orders.ts";
import { startHub } from "../../broker/hub.ts";
import { brokerOptions } from "../../broker/options.ts";
import { shareFolder } from "../../cli/folder.ts";
import { v } from "../../config/index.ts";
import { encodeEnrol } from "../../telemetry/index.ts";
import type { TlsOptions } from "../../broker/tls.ts";
import type { Authority } from "../certificates.ts";
import { authority } from "../certificates.ts";
import { needs } from "../peers.ts";
import { realPlatform } from "./platform.ts";
import { inbox, site } from "./running.ts";

const there = needs("openssl", "openssl");
const listen = ["mqtts://127.0.0.1:0"];
const users = {
  root: { certificate: "root", role: "admin" },
  city: { password: "city-secret", role: "reader" },
};
const local = "local/main/hall";

async function setupIn(ca: Authority, tls?: TlsOptions): Promise<EnrolSetup> {
  const folder = join(ca.folder, "enroll");
  const options = { names: [], valid: 86_400_000 };
  return { options, tls, site, folder, disk: await shareFolder(folder) };
}

/** A hub with enrolment, in the folder of an authority of openssl's that it trusts as well. */
async function world(more: Partial<TlsOptions> = {}) {
  const ca = await authority();
  const hub = await ca.certify("hub");
  const setup = await setupIn(ca, { ...hub, clientCa: ca.ca, requireClient: false, ...more });
  const options = { ...setup.options, trust: ca.ca };
  const { enrolment, tls } = await openEnrolment({ ...setup, options }, realPlatform);
  const broker = { ...v.parse(brokerOptions, { listen, users, tls: hub }), tls };
  const hooks = { site, enrolment, message: () => undefined, room: () => undefined };
  const started = await startHub(broker, realPlatform, hooks);
  const { disk } = setup;
  return {
    ca,
    enrolment,
    hub: started,
    url: started.addresses[0] ?? "",
    async token(id: string, agent: string): Promise<void> {
      const until = Date.now() + 60_000;
      const order = { id, digest: digestOf(id), site: local, agent, until };
      await writeOrders(disk, withToken(await readOrders(disk), order, Date.now()));
    },
    async revoke(agent: string): Promise<void> {
      const order = { id: "r", site: local, agent };
      await writeOrders(disk, withRevocation(await readOrders(disk), order));
    },
    async enrol(agent: string): Promise<IClientOptions> {
      const id = realPlatform.entropy.id();
      await this.token(id, agent);
      const key = newKey();
      const request = Buffer.from(encodeEnrol(requestFor(agent, key)));
      const answer = await enrolment.take({ token: id }, request);
      if (!("certificate" in answer)) return expect.fail(answer.refused);
      return { ca: answer.ca, cert: answer.certificate, key };
    },
    async [Symbol.asyncDispose]() {
      enrolment[Symbol.dispose]();
      await started[Symbol.asyncDispose]();
      await ca[Symbol.asyncDispose]();
    },
  };
}

/** Connects and leaves; `in`, or the code of the CONNACK, or why the connection ended. */
async function enter(url: string, options: IClientOptions): Promise<string> {
  try {
    const client = await connectAsync(url, { reconnectPeriod: 0, ...options }, false);
    await client.endAsync();
    return "in";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

describe.skipIf(!there)("an enrolled agent", () => {
  it("is that agent by its certificate; not the user whose certificate has its name", async () => {
    await using at = await world();
    const mine = await at.enrol("root");
    const client = await connectAsync(at.url, { reconnectPeriod: 0, ...mine }, false);
    const own = `rackstreet/v1/${local}/agent/root`;
    const whoami = `${own}/whoami`;
    const heard = inbox(client);
    await client.subscribeAsync(whoami);
    await expect(client.subscribeAsync("#")).rejects.toThrow();
    await vi.waitFor(() => expect(heard.join()).toContain(`"user":"agent/${local}/root"`));
    expect(heard.join()).toContain('"role":"agent"');
    await client.endAsync();
    const admin = await at.ca.certify("root");
    const [ca, cert, key] = await Promise.all(
      [at.ca.ca, admin.cert, admin.key].map((path) => readFile(path)),
    );
    if (ca === undefined || cert === undefined || key === undefined) expect.fail("no files");
    const user = await connectAsync(at.url, { reconnectPeriod: 0, ca, cert, key }, false);
    await expect(user.subscribeAsync("rackstreet/v1/#")).resolves.toMatchObject([{ qos: 0 }]);
    await user.endAsync();
  });

  it("has its client identifier to itself", async () => {
    await using at = await world();
    const [one, two] = [await at.enrol("edge-1"), await at.enrol("edge-2")];
    const clientId = `rackstreet.${local.replaceAll("/", ".")}.edge-1`;
    expect(await enter(at.url, { ...two, clientId })).toBe("2");
    expect(await enter(at.url, { ...one, clientId })).toBe("in");
  });

  it("is cut and told why when it is revoked, and not let in again", async () => {
    await using at = await world();
    const mine = await at.enrol("edge-1");
    const client = await connectAsync(at.url, { reconnectPeriod: 0, ...mine }, false);
    const heard = inbox(client);
    await client.subscribeAsync(`rackstreet/v1/${local}/agent/edge-1/denied`);
    const gone = new Promise<void>((resolve) => client.once("close", resolve));
    await at.revoke("edge-1");
    await gone;
    expect(heard.join()).toContain("its certificate was revoked");
    expect(at.hub.counters.cut).toEqual({ revoked: 1 });
    expect(await enter(at.url, mine)).toBe("5");
    expect(at.hub.counters.rejected).toEqual({ revoked: 1 });
    await client.endAsync(true);
  });

  it("of a certificate that the hub never issued is nobody, though it bears the mark", async () => {
    await using at = await world();
    const pair = await at.ca.certify("edge-1");
    const marked = join(at.ca.folder, "marked.pem");
    const place = "subjectAltName=URI:urn:rackstreet:agent:local/main/hall/edge-1";
    execFileSync(
      "openssl",
      ["req", "-x509", "-new", "-key", pair.key, "-CA", "ca.pem", "-CAkey", "ca-key.pem"].concat(
        ["-out", marked, "-days", "3", "-subj", "/CN=root", "-addext", place],
        ["-addext", "basicConstraints=critical,CA:FALSE"],
      ),
      { cwd: at.ca.folder, stdio: "pipe" },
    );
    const [ca, cert, key] = await Promise.all(
      [at.ca.ca, marked, pair.key].map((path) => readFile(path)),
    );
    if (ca === undefined || cert === undefined || key === undefined) expect.fail("no files");
    expect(await enter(at.url, { ca, cert, key })).toBe("5");
    expect(at.hub.counters.rejected).toEqual({ certificate: 1 });
  });

  it("comes in where all must show a certificate; so does a token, nobody else", async () => {
    await using at = await world({ requireClient: true });
    const mine = await at.enrol("edge-1");
    expect(await enter(at.url, mine)).toBe("in");
    const { ca } = mine;
    const login = { username: "city", password: "city-secret" };
    expect(await enter(at.url, { ...(ca && { ca }), ...login })).toBe("5");
    await at.token("fedcba9876543210", "edge-2");
    const bearer = { username: "enroll/fedcba9876543210", password: "fedcba9876543210" };
    expect(at.hub.counters.rejected).toEqual({ certificate: 1 });
    expect(await enter(at.url, { ...(ca && { ca }), ...bearer })).toBe("in");
  });

  it("comes in also where there is a list of revoked ones of another authority", async () => {
    await using ca = await authority();
    const lost = await ca.certify("lost");
    const crl = await ca.revoke(lost);
    await using at = await world({ crl, clientCa: ca.ca });
    expect(await enter(at.url, await at.enrol("edge-1"))).toBe("in");
  });
});

describe.skipIf(!there)("whom agents are told to trust", () => {
  it("is the hub's authority, where the hub made its own certificate", async () => {
    await using ca = await authority();
    const setup = await setupIn(ca);
    const first = await prepareEnrolment(setup, realPlatform);
    expect(first.trust).toBe(await readFile(join(setup.folder, "ca.pem"), "utf8"));
    const again = await prepareEnrolment(setup, realPlatform);
    expect(again.fingerprint).toBe(first.fingerprint);
    const old = { ...realPlatform.clock, now: () => Date.now() + 300 * 86_400_000 };
    const later = await prepareEnrolment(setup, { ...realPlatform, clock: old });
    expect(later.fingerprint).not.toBe(first.fingerprint);
    const options = { ...setup.options, names: ["hub.example.org"] };
    const renamed = await prepareEnrolment({ ...setup, options }, realPlatform);
    expect(renamed.fingerprint).not.toBe(later.fingerprint);
  });

  it("is the top of the hub's own file where that says it, else must be named", async () => {
    await using ca = await authority();
    const hub = await ca.certify("hub");
    const tls = { ...hub, requireClient: false };
    const setup = await setupIn(ca, tls);
    await expect(prepareEnrolment(setup, realPlatform)).rejects.toThrow(/name the file with who/);
    const top = await readFile(ca.ca, "utf8");
    const chain = join(ca.folder, "chain.pem");
    await writeFile(chain, (await readFile(hub.cert, "utf8")) + top);
    const whole = { ...setup, tls: { ...tls, cert: chain } };
    expect((await prepareEnrolment(whole, realPlatform)).trust.trim()).toBe(top.trim());
    const named = { ...setup, options: { ...setup.options, trust: ca.ca } };
    expect((await prepareEnrolment(named, realPlatform)).trust).toBe(top);
    const mine = { cert: ca.ca, key: join(ca.folder, "ca-key.pem") };
    const own = { ...setup, options: { ...setup.options, ca: mine } };
    expect((await prepareEnrolment(own, realPlatform)).trust).toBe(top);
    const wrong = { ...setup, options: { ...setup.options, ca: { cert: hub.cert, key: hub.key } } };
    await expect(prepareEnrolment(wrong, realPlatform)).rejects.toThrow(/not one of an authority/);
  });
});
