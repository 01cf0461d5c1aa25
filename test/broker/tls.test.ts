/** TLS, certificates of clients and load balancers in front, with certificates of openssl's. */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import type { PeerCertificate } from "node:tls";
import { connect as connectTls } from "node:tls";
import type { IClientOptions } from "mqtt";
import { connectAsync } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import { openUplink } from "../../agent/index.ts";
import { TlsFiles } from "../../broker/tls.ts";
import { hashPassword } from "../../broker/passwords.ts";
import { address, v } from "../../config/index.ts";
import type { Authority, Certified } from "../certificates.ts";
import { authority } from "../certificates.ts";
import { needs } from "../peers.ts";
import { realPlatform, StillClock, stillPlatform } from "./platform.ts";
import { running } from "./running.ts";
import type { Running } from "./running.ts";
import { connackOk, connect } from "./wire.ts";

const there = needs("openssl", "openssl");

const listen = ["mqtts://127.0.0.1:0", "wss://127.0.0.1:0"];
const users = {
  "edge-1": { certificate: "edge-1", role: "agent" },
  city: { password: "city-secret", role: "reader" },
};

interface World extends AsyncDisposable {
  readonly at: Running;
  readonly ca: Authority;
  readonly hub: Certified;
}

async function world(extra: object = {}, tls: object = {}): Promise<World> {
  const ca = await authority();
  const hub = await ca.certify("hub");
  const at = await running({ listen, users, tls: { ...hub, clientCa: ca.ca, ...tls }, ...extra });
  return {
    at,
    ca,
    hub,
    async [Symbol.asyncDispose]() {
      await at[Symbol.asyncDispose]();
      await ca[Symbol.asyncDispose]();
    },
  };
}

/** Connects and says who the hub takes it for; else why not. */
async function enter(url: string, options: IClientOptions): Promise<string> {
  try {
    const client = await connectAsync(url, { reconnectPeriod: 0, ...options }, false);
    await client.endAsync();
    return "in";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function by(ca: Authority, certified: Certified): Promise<IClientOptions> {
  const [trusted, cert, key] = await Promise.all(
    [ca.ca, certified.cert, certified.key].map((path) => readFile(path)),
  );
  if (trusted === undefined) throw new Error("no authority");
  return { ca: trusted, ...(cert && { cert }), ...(key && { key }) };
}

describe.skipIf(!there)("TLS", () => {
  it("carries MQTT and MQTT over WebSocket; who does not trust the hub leaves", async () => {
    await using at = await world();
    const ca = await readFile(at.ca.ca);
    for (const url of at.at.hub.addresses) {
      const login = { username: "city", password: "city-secret" };
      expect(await enter(url, { ca, ...login })).toBe("in");
      expect(await enter(url, { ca, username: "city", password: "wrong" })).toMatch(/authori/i);
      expect(await enter(url, login)).toMatch(/certificate/);
    }
    await vi.waitFor(() => expect(at.at.hub.counters.rejected.tls).toBe(2));
  });

  it("speaks no version before 1.2 [RFC 8996]", async () => {
    await using at = await world();
    const old = { port: at.at.port, rejectUnauthorized: false, maxVersion: "TLSv1.1" } as const;
    const socket = connectTls({ ...old, minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" });
    await new Promise((resolve) => socket.on("error", resolve));
  });

  it("lets a client in by its certificate, and no further than that user may", async () => {
    await using at = await world();
    const mine = await by(at.ca, await at.ca.certify("edge-1"));
    const [url = ""] = at.at.hub.addresses;
    for (const address of at.at.hub.addresses) expect(await enter(address, mine)).toBe("in");
    const agent = await connectAsync(url, { reconnectPeriod: 0, ...mine }, false);
    const own = "rackstreet/v1/local/main/hall/agent/edge-1/telemetry";
    await agent.publishAsync(own, "{}", { qos: 1 });
    await vi.waitFor(() => expect(at.at.seen.at(-1)?.client.user).toBe("edge-1"));
    await agent.endAsync();
    expect(await enter(url, await by(at.ca, await at.ca.certify("stranger")))).toMatch(/authori/i);
  });

  it("is what an agent's link speaks, with a certificate of its own", async () => {
    await using at = await world();
    const [url = ""] = at.at.hub.addresses;
    const own = await at.ca.certify("edge-1");
    const target = {
      url: v.parse(address({ mqtts: 8883 }), url),
      clientId: "edge-1",
      subscribe: ["rackstreet/v1/local/main/hall/agent/edge-1/stored"],
    };
    const link = { username: undefined, password: undefined, ca: at.ca.ca, keepalive: 30_000 };
    let ups = 0;
    const events = { up: () => void (ups += 1), down: () => undefined, message: () => undefined };
    const parts = { events, platform: realPlatform };
    await using _link = openUplink(target, { ...link, ...own }, parts);
    await vi.waitFor(() => expect(ups).toBe(1));
  });

  it("turns away certificates of other authorities, and revoked ones", async () => {
    await using other = await authority("Other CA");
    await using at = await world();
    const [url = ""] = at.at.hub.addresses;
    const forged = await by(at.ca, await other.certify("edge-1"));
    expect(await enter(url, forged)).not.toBe("in");
    await vi.waitFor(() => expect(at.at.hub.counters.rejected.certificate).toBe(1));
    const lost = await at.ca.certify("edge-1");
    const crl = await at.ca.revoke(lost);
    const tls = { ...at.hub, clientCa: at.ca.ca, crl };
    await using strict = await running({ listen, users, tls });
    const [strictUrl = ""] = strict.hub.addresses;
    expect(await enter(strictUrl, await by(at.ca, lost))).not.toBe("in");
    expect(await enter(strictUrl, await by(at.ca, await at.ca.certify("edge-1")))).toBe("in");
  });

  it("asks each client for a certificate where it must have one", async () => {
    await using at = await world({}, { requireClient: true });
    const ca = await readFile(at.ca.ca);
    const [url = ""] = at.at.hub.addresses;
    const login = { username: "city", password: "city-secret" };
    expect(await enter(url, { ca, ...login })).not.toBe("in");
    expect(await enter(url, await by(at.ca, await at.ca.certify("edge-1")))).toBe("in");
  });

  it("takes new files up; a pair that does not fit changes nothing", async () => {
    await using ca = await authority();
    const [first, second] = [await ca.certify("first"), await ca.certify("second")];
    const [cert, key] = [join(ca.folder, "cert.pem"), join(ca.folder, "key.pem")];
    await copyFile(first.cert, cert);
    await copyFile(first.key, key);
    const clock = new StillClock();
    using files = new TlsFiles({ cert, key, requireClient: false }, stillPlatform(clock));
    const seen: string[] = [];
    files.onChange((settings) => seen.push(settings.cert));
    await copyFile(second.cert, cert);
    clock.advance(60_000);
    expect(seen).toEqual([]);
    await copyFile(second.key, key);
    clock.advance(60_000);
    clock.advance(60_000);
    expect(seen).toEqual([await readFile(second.cert, "utf8")]);
  });

  it("a hub whose certificate changed shows the new one to who comes next", async () => {
    await using ca = await authority();
    const [first, second] = [await ca.certify("first"), await ca.certify("second")];
    const [cert, key] = [join(ca.folder, "cert.pem"), join(ca.folder, "key.pem")];
    await writeFile(cert, await readFile(first.cert));
    await writeFile(key, await readFile(first.key));
    const clock = new StillClock();
    await using at = await running(
      { listen: ["mqtts://127.0.0.1:0"], users, tls: { cert, key } },
      {},
      {
        ...realPlatform,
        clock: { ...realPlatform.clock, after: clock.after.bind(clock) },
      },
    );
    const shown = async (): Promise<string | undefined> => {
      const socket = connectTls({ port: at.port, rejectUnauthorized: false });
      await new Promise((resolve) => socket.on("secureConnect", resolve));
      const { subject }: PeerCertificate = socket.getPeerCertificate();
      socket.destroy();
      return typeof subject.CN === "string" ? subject.CN : undefined;
    };
    expect(await shown()).toBe("first");
    await writeFile(cert, await readFile(second.cert));
    await writeFile(key, await readFile(second.key));
    clock.advance(60_000);
    expect(await shown()).toBe("second");
  });
});

describe("a load balancer in front", () => {
  const header = Buffer.from("PROXY TCP4 192.0.2.7 198.51.100.1 56324 1883\r\n");

  it("says for whom it connects, and logins are throttled by that", async () => {
    const users = { city: { password: "city-secret", role: "reader" } };
    await using at = await running({ users, proxies: ["127.0.0.0/8"] });
    const attempt = async (from: string): Promise<Buffer> => {
      const socket = connectSocket({ host: "127.0.0.1", port: at.port });
      const heard: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => heard.push(chunk)).on("error", () => undefined);
      socket.write(`PROXY TCP4 ${from} 198.51.100.1 56324 1883\r\n`);
      socket.write(connect());
      await new Promise((resolve) => socket.on("close", resolve));
      return Buffer.concat(heard);
    };
    for (let turn = 0; turn < 31; turn += 1) await attempt("192.0.2.7");
    expect(at.hub.counters.rejected).toEqual({ credentials: 30, throttled: 1 });
    await attempt("192.0.2.8");
    expect(at.hub.counters.rejected).toEqual({ credentials: 31, throttled: 1 });
  });

  it("must say it, whole or in pieces, with MQTT behind it in the same bytes or not", async () => {
    await using at = await running({ proxies: ["127.0.0.1"] });
    for (const cut of [1, 20, header.length, header.length + 5]) {
      const socket = await at.socket();
      const bytes = Buffer.concat([header, connect()]);
      const heard: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => heard.push(chunk));
      socket.setNoDelay(true).write(bytes.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      socket.write(bytes.subarray(cut));
      await vi.waitFor(() => expect(Buffer.concat(heard)).toEqual(connackOk));
    }
    const plain = await at.socket();
    const closed = new Promise((resolve) => plain.on("close", resolve));
    plain.write(connect());
    await closed;
    expect(at.hub.counters.rejected).toEqual({ proxy: 1 });
  });

  it("is believed from its own network alone", async () => {
    await using at = await running({ proxies: ["10.0.0.0/8"] });
    const socket = await at.socket();
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.write(Buffer.concat([header, connect()]));
    await closed;
    expect(at.hub.counters.cut).not.toEqual({});
  });

  it.skipIf(!there)("hands over TLS and WebSockets as they are", async () => {
    await using at = await world({ proxies: ["127.0.0.1"] });
    const ca = await readFile(at.ca.ca);
    const raw = connectSocket({ host: "127.0.0.1", port: at.at.port });
    raw.write(header);
    const socket = connectTls({ socket: raw, ca, host: "127.0.0.1" });
    const heard: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => heard.push(chunk));
    socket.write(connect());
    // Not logged in, but heard: CONNACK 5.
    await vi.waitFor(() => expect(Buffer.concat(heard)).toEqual(Buffer.from([0x20, 2, 0, 5])));
    socket.destroy();
  });
});

describe("a user whose password is kept as a hash", () => {
  it("logs in; a wrong password and an unknown user do not", async () => {
    const passwordHash = await hashPassword("long enough", realPlatform.entropy);
    await using at = await running({ users: { anna: { passwordHash, role: "admin" } } });
    const right = { username: "anna", password: "long enough" };
    expect(await enter(at.url, right)).toBe("in");
    expect(await enter(at.url, right)).toBe("in");
    expect(await enter(at.url, { ...right, password: "long enough " })).toMatch(/authori/i);
    expect(await enter(at.url, { ...right, username: "bert" })).toMatch(/authori/i);
    expect(at.hub.counters.rejected).toEqual({ credentials: 2 });
  });
});
