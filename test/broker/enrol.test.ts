/**
 * Enrolment at the hub: tokens, renewals, revocations, and a hub that dies in between; requests
 * [RFC 2986] and certificates [RFC 5280] as OpenSSL judges them.
 */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyName, newKey, requestFor } from "../../agent/enrol/request.ts";
import { Book, voided } from "../../broker/enrol/book.ts";
import { Authority, fingerprintOf, keyOfRequest } from "../../broker/enrol/certificates.ts";
import { Enrolment, pendingOf } from "../../broker/enrol/enrolment.ts";
import { digestOf, readOrders, withRevocation, withToken } from "../../broker/enrol/orders.ts";
import { writeOrders } from "../../broker/enrol/orders.ts";
import type { Certified } from "../../telemetry/index.ts";
import { encodeEnrol } from "../../telemetry/index.ts";
import { needs } from "../peers.ts";
import { MemoryDisk, SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

const day = 86_400_000;
const valid = 90 * day;
const site = "local/main/hall";
const place = { site, agent: "edge-1" };

/** A hub's enrolment over a disk that outlives it. */
async function world(disk = new MemoryDisk(), clock = new VirtualClock(), entropy = chance()) {
  const span = { from: clock.now() - day, until: clock.now() + 365 * day };
  const made = Authority.make("test", span, Buffer.from("01020304", "hex"));
  const book = await Book.open(disk, silentLog);
  const platform = { clock, entropy, log: silentLog };
  const parts = { disk, book, authority: new Authority(made), trust: made.cert, valid, platform };
  const enrolment = new Enrolment(parts);
  let voids = 0;
  enrolment.onVoid(() => void (voids += 1));
  return {
    disk,
    clock,
    book,
    enrolment,
    ca: made.cert,
    voids: () => voids,
    async token(id: string, until = clock.now() + day): Promise<{ readonly token: string }> {
      const orders = await readOrders(disk);
      const revoked = pendingOf(orders, book);
      const order = { ...place, id, digest: digestOf(id), until };
      await writeOrders(disk, withToken({ ...orders, revoked }, order, clock.now()));
      return { token: id };
    },
    async revoke(id: string): Promise<void> {
      const orders = await readOrders(disk);
      const revoked = pendingOf(orders, book);
      await writeOrders(disk, withRevocation({ ...orders, revoked }, { ...place, id }));
    },
    /** The hub dies, another starts on the same disk. */
    async again() {
      enrolment[Symbol.dispose]();
      return world(disk, clock, entropy);
    },
  };
}

const chance = (): SeededEntropy => new SeededEntropy(7);

function asking(key: string): Buffer {
  return Buffer.from(encodeEnrol(requestFor("edge-1", key)));
}

function certificateIn(answer: Certified): string {
  return "certificate" in answer ? answer.certificate : expect.fail(answer.refused);
}

function refusedIn(answer: Certified): string {
  return "refused" in answer ? answer.refused : "";
}

describe("a token", () => {
  it("gets one certificate for the key it came with, which is that agent's", async () => {
    const at = await world();
    const key = newKey();
    const by = await at.token("1");
    const answer = await at.enrolment.take(by, asking(key));
    const cert = new X509Certificate(certificateIn(answer));
    expect(answer.key).toBe(keyName(key));
    expect(cert.verify(new X509Certificate(at.ca).publicKey)).toBe(true);
    expect(cert.subjectAltName).toBe(`URI:urn:rackstreet:agent:${site}/edge-1`);
    expect(at.enrolment.standing(fingerprintOf(cert.toString()))).toEqual(place);
    expect(Date.parse(cert.validTo)).toBe(at.clock.now() + valid);
  });

  it("is worth nothing to another key once it was used; to the same key all it was", async () => {
    const at = await world();
    const [key, other] = [newKey(), newKey()];
    const by = await at.token("1");
    const first = certificateIn(await at.enrolment.take(by, asking(key)));
    expect(refusedIn(await at.enrolment.take(by, asking(other)))).toMatch(/used already/);
    expect(certificateIn(await at.enrolment.take(by, asking(key)))).toBe(first);
  });

  it("used by two at once serves one of them", async () => {
    const at = await world();
    const by = await at.token("1");
    const keys = [newKey(), newKey(), newKey()];
    const answers = await Promise.all(keys.map((key) => at.enrolment.take(by, asking(key))));
    expect(answers.filter((answer) => "certificate" in answer)).toHaveLength(1);
  });

  it("expires, and is told so", async () => {
    const at = await world();
    const by = await at.token("1");
    at.clock.jump(day);
    expect(refusedIn(await at.enrolment.take(by, asking(newKey())))).toMatch(/expired/);
  });

  it("is known by its secret alone", async () => {
    const at = await world();
    await at.token("1");
    const known = (id: string, secret: string) => at.enrolment.token(id, Buffer.from(secret));
    expect(await known("1", "1")).toMatchObject(place);
    expect(await known("1", "2")).toBeUndefined();
    expect(await known("2", "1")).toBeUndefined();
    expect(await known("2", "")).toBeUndefined();
    expect(Buffer.from(at.disk.bytesOf("orders.json")).toString()).not.toContain('"secret"');
  });

  it("made later takes the place of the one before, and its certificate likewise", async () => {
    const at = await world();
    const first = await at.token("1");
    const second = await at.token("2");
    expect(refusedIn(await at.enrolment.take(first, asking(newKey())))).toMatch(/withdrawn/);
    const old = certificateIn(await at.enrolment.take(second, asking(newKey())));
    certificateIn(await at.enrolment.take(await at.token("3"), asking(newKey())));
    expect(at.enrolment.standing(fingerprintOf(old))).toEqual({ refused: "replaced" });
    expect(refusedIn(await at.enrolment.take(second, asking(newKey())))).toMatch(/withdrawn/);
  });
});

describe("a hub that dies while it issues", () => {
  it("before it is kept: nothing was issued, and the token still does", async () => {
    const at = await world();
    const by = await at.token("1");
    const key = newKey();
    at.disk.failure = new Error("killed");
    expect(refusedIn(await at.enrolment.take(by, asking(key)))).toMatch(/failed to issue/);
    at.disk.failure = undefined;
    const next = await at.again();
    certificateIn(await next.enrolment.take(by, asking(newKey())));
  });

  it("after it is kept: the same key gets it, another nothing", async () => {
    const at = await world();
    const by = await at.token("1");
    const key = newKey();
    const lost = certificateIn(await at.enrolment.take(by, asking(key)));
    const next = await at.again();
    expect(refusedIn(await next.enrolment.take(by, asking(newKey())))).toMatch(/used/);
    expect(certificateIn(await next.enrolment.take(by, asking(key)))).toBe(lost);
    expect(next.enrolment.standing(fingerprintOf(lost))).toEqual(place);
  });
});

describe("a revocation", () => {
  it("is felt within a second, once, and by no certificate that comes after it", async () => {
    const at = await world();
    const by = await at.token("1");
    const old = fingerprintOf(certificateIn(await at.enrolment.take(by, asking(newKey()))));
    const before = at.voids();
    await at.revoke("r1");
    await at.clock.advance(999);
    expect(at.enrolment.standing(old)).toEqual({ refused: "revoked" });
    expect(at.voids()).toBe(before + 1);
    const later = await at.token("2");
    const pem = certificateIn(await at.enrolment.take(later, asking(newKey())));
    const next = await at.again();
    await next.clock.advance(999);
    expect(next.enrolment.standing(fingerprintOf(pem))).toEqual(place);
    expect(next.enrolment.standing(old)).toEqual({ refused: "revoked" });
  });

  it("ordered while the hub was away is carried out when it starts, with the token", async () => {
    const at = await world();
    const by = await at.token("1");
    const pem = certificateIn(await at.enrolment.take(by, asking(newKey())));
    const unused = await at.token("2");
    at.enrolment[Symbol.dispose]();
    await at.revoke("r1");
    await at.revoke("r2");
    const next = await at.again();
    await next.clock.advance(300);
    expect(next.enrolment.standing(fingerprintOf(pem))).toEqual({ refused: "revoked" });
    expect(refusedIn(await next.enrolment.take(unused, asking(newKey())))).toMatch(/withdr/);
    const renewed = await next.enrolment.take({ certificate: fingerprintOf(pem) }, asking(pem2));
    expect(refusedIn(renewed)).toMatch(/no more/);
  });
});

const pem2 = newKey();

describe("a renewal", () => {
  it("comes in the second half; the old one holds until the new one is lost or used", async () => {
    const at = await world();
    const by = await at.token("1");
    const old = fingerprintOf(certificateIn(await at.enrolment.take(by, asking(newKey()))));
    const key = newKey();
    const early = await at.enrolment.take({ certificate: old }, asking(key));
    expect(refusedIn(early)).toMatch(/second half/);
    at.clock.jump(61 * day);
    const pem = certificateIn(await at.enrolment.take({ certificate: old }, asking(key)));
    // The answer was lost: the same again.
    expect(certificateIn(await at.enrolment.take({ certificate: old }, asking(key)))).toBe(pem);
    expect(at.enrolment.standing(old)).toEqual(place);
    expect(at.enrolment.standing(fingerprintOf(pem))).toEqual(place);
  });

  it("goes by the hub's clock, also when that jumps", async () => {
    const at = await world();
    const by = await at.token("1");
    const old = fingerprintOf(certificateIn(await at.enrolment.take(by, asking(newKey()))));
    at.clock.jump(-365 * day);
    const answer = await at.enrolment.take({ certificate: old }, asking(newKey()));
    expect(refusedIn(answer)).toMatch(/second half/);
    at.clock.jump(365 * day + 80 * day);
    certificateIn(await at.enrolment.take({ certificate: old }, asking(newKey())));
  });
});

describe("a request", () => {
  it("that is none, or not signed by its key, gets nothing", async () => {
    const at = await world();
    const by = await at.token("1");
    const good = requestFor("edge-1", newKey());
    const [head = "", ...body] = good.split("\n");
    const bytes = Buffer.from(body.slice(0, -2).join(""), "base64");
    for (const at of [10, 40, 60, bytes.length - 3]) {
      const bad = Buffer.from(bytes);
      bad[at] = (bad[at] ?? 0) ^ 1;
      const lines = bad.toString("base64").match(/.{1,64}/g) ?? [];
      const pem = [head, ...lines, "-----END CERTIFICATE REQUEST-----", ""].join("\n");
      expect(keyOfRequest(pem)).toBeUndefined();
    }
    expect(refusedIn(await at.enrolment.take(by, Buffer.from("{}")))).toMatch(/no request/);
    fc.assert(fc.property(fc.string(), (text) => keyOfRequest(text) === undefined));
  });
});

describe.skipIf(!needs("openssl", "openssl"))("as openssl sees it", () => {
  const openssl = (folder: string, line: string): string =>
    execFileSync("openssl", line.split(" "), { cwd: folder, encoding: "utf8", stdio: "pipe" });

  it("requests, authority, certificates and lists are what they should be", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-enrol-"));
    try {
      const now = Date.now();
      const span = { from: now - day, until: now + day };
      const pair = Authority.make("rackstreet local/main/hall", span, Buffer.from("8001", "hex"));
      const authority = new Authority(pair);
      const csr = requestFor("edge-1", newKey());
      const key = keyOfRequest(csr) ?? expect.fail("no key");
      const serial = Buffer.from("ff00ff", "hex");
      const subject = { name: "edge-1", key, span, serial };
      await writeFile(join(folder, "csr.pem"), csr);
      await writeFile(join(folder, "ca.pem"), pair.cert);
      await writeFile(join(folder, "agent.pem"), authority.certify(subject, `${site}/edge-1`));
      const names = ["hub.example.org", "127.0.0.1"];
      await writeFile(join(folder, "hub.pem"), authority.serve(subject, names));
      await writeFile(join(folder, "crl.pem"), authority.emptyList(now));
      openssl(folder, "req -in csr.pem -noout -verify");
      const verify = "verify -x509_strict -CAfile ca.pem -CRLfile crl.pem -crl_check";
      expect(openssl(folder, `${verify} -purpose sslclient agent.pem`)).toContain("OK");
      expect(openssl(folder, `${verify} -purpose sslserver hub.pem`)).toContain("OK");
      expect(() => openssl(folder, `${verify} -purpose sslserver agent.pem`)).toThrow();
      const host = "-verify_hostname hub.example.org hub.pem";
      expect(openssl(folder, `${verify} ${host}`)).toContain("OK");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("requests that openssl wrote, and authorities that it made (RSA too), do", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-enrol-"));
    const read = (name: string): string =>
      execFileSync("cat", [join(folder, name)], { encoding: "utf8" });
    try {
      const curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x";
      openssl(folder, `req -new ${curve} -keyout own-key.pem -out own-csr.pem`);
      const key = keyOfRequest(read("own-csr.pem")) ?? expect.fail("no key");
      const span = { from: Date.now() - day, until: Date.now() + day };
      for (const made of [curve, "-newkey rsa:2048 -nodes -subj /O=Ä/CN=own"]) {
        openssl(folder, `req -x509 ${made} -days 30 -keyout ca-key.pem -out ca.pem`);
        const authority = new Authority({ cert: read("ca.pem"), key: read("ca-key.pem") });
        const serial = Buffer.from("0102", "hex");
        const pem = authority.certify({ name: "edge-1", key, span, serial }, `${site}/edge-1`);
        await writeFile(join(folder, "agent.pem"), pem);
        const verify = "verify -CAfile ca.pem -purpose sslclient agent.pem";
        expect(openssl(folder, verify)).toContain("OK");
      }
      const rsa = "req -new -newkey rsa:2048 -nodes -subj /CN=x -keyout k.pem -out rsa.pem";
      openssl(folder, rsa);
      expect(keyOfRequest(read("rsa.pem"))).toBeUndefined();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

it("looks after the hub's own certificate once a day, whatever becomes of it", async () => {
  const clock = new VirtualClock();
  const made = Authority.make("t", { from: 0, until: clock.now() }, Buffer.from("01", "hex"));
  const disk = new MemoryDisk();
  const platform = { clock, entropy: chance(), log: silentLog };
  const book = await Book.open(disk, silentLog);
  let times = 0;
  const upkeep = (): Promise<void> => {
    times += 1;
    return Promise.reject(new Error("no disk"));
  };
  const parts = { disk, book, authority: new Authority(made), trust: "", valid, upkeep, platform };
  using _enrolment = new Enrolment(parts);
  await clock.advance(2 * day);
  expect(times).toBe(2);
});

it("an entry whose certificates are void remembers why, for a while", () => {
  const certificates = [{ fingerprint: "a", key: "k", from: 0, until: 1, pem: "" }];
  const entry = voided({ ...place, certificates, gone: [] }, "revoked");
  expect(entry.certificates).toEqual([]);
  expect(entry.gone).toEqual([{ fingerprint: "a", why: "revoked" }]);
});
