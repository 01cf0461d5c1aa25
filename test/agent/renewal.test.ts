/** An agent renews its certificate by itself, under virtual time, whatever its clock does. */
import { describe, expect, it } from "vitest";
import {
  identityFiles,
  nextKey,
  ownValidity,
  takeCertificate,
} from "../../agent/enrol/identity.ts";
import { Renewal } from "../../agent/enrol/renewal.ts";
import { keyName, newKey, requestFor } from "../../agent/enrol/request.ts";
import { Authority, keyOfRequest } from "../../broker/enrol/certificates.ts";
import { decodeEnrol, encodeCertified, GatewayError } from "../../telemetry/index.ts";
import { KeptLog, MemoryDisk, SeededEntropy, VirtualClock } from "../virtual.ts";

const day = 86_400_000;
const life = 90 * day;

/** An agent with a certificate of 90 days, and a hub that signs what it sends. */
async function world(seed = 1) {
  const [disk, clock, log] = [new MemoryDisk(), new VirtualClock(), new KeptLog()];
  const span = () => ({ from: clock.now(), until: clock.now() + life });
  const pair = Authority.make("test", span(), Buffer.from("01", "hex"));
  const authority = new Authority(pair);
  const sent: { readonly at: number; readonly csr: string }[] = [];
  const sign = (csr: string): string => {
    const key = keyOfRequest(csr) ?? expect.fail("no request");
    const serial = Buffer.from(String(sent.length + 10), "hex");
    return authority.certify(
      { name: "edge-1", key, span: span(), serial },
      "local/main/hall/edge-1",
    );
  };
  const first = await nextKey(disk);
  const certificate = sign(requestFor("edge-1", first));
  await takeCertificate(disk, first, { certificate, ca: pair.cert });
  const state = { down: false };
  const start = (): Renewal =>
    new Renewal({
      agent: "edge-1",
      disk,
      send: (payload) => {
        if (state.down) return Promise.reject(new GatewayError("E_UPLINK", "the link is down"));
        const csr = decodeEnrol(Buffer.from(payload)) ?? expect.fail("no request");
        sent.push({ at: clock.now(), csr });
        return Promise.resolve();
      },
      platform: { clock, entropy: new SeededEntropy(seed), log },
    });
  return {
    disk,
    clock,
    log,
    sent,
    state,
    start,
    from: clock.now(),
    answer: async () => {
      const key = await nextKey(disk);
      return encodeCertified({
        key: keyName(key),
        certificate: sign(sent.at(-1)?.csr ?? expect.fail("nothing was sent")),
        ca: pair.cert,
      });
    },
    own: () => Buffer.from(disk.bytesOf(identityFiles.own)).toString(),
    async days(count: number) {
      await clock.advance(count * day);
    },
  };
}

describe("a certificate", () => {
  it("is renewed around two thirds of its life, by each agent at its own time", async () => {
    const times = await Promise.all(
      [1, 2, 3].map(async (seed) => {
        const at = await world(seed);
        using _renewal = at.start();
        await at.days(64);
        const [first] = at.sent;
        return ((first?.at ?? 0) - at.from) / life;
      }),
    );
    for (const share of times) {
      expect(share).toBeGreaterThan(0.61);
      expect(share).toBeLessThan(0.71);
    }
    expect(new Set(times).size).toBe(3);
  });

  it("comes into use with its key at once, and lasts as long again", async () => {
    const at = await world();
    using renewal = at.start();
    await at.days(64);
    const before = at.own();
    await renewal.take(Buffer.from(await at.answer()));
    expect(at.own()).not.toBe(before);
    expect(at.disk.files.has(identityFiles.next)).toBe(false);
    const asked = at.sent.length;
    await at.days(50);
    expect(at.sent).toHaveLength(asked);
    expect((await ownValidity(at.disk))?.until).toBeGreaterThan(at.from + life + 50 * day);
  });

  it("is asked for again, for the same key, until an answer comes", async () => {
    const at = await world();
    using _renewal = at.start();
    at.state.down = true;
    await at.days(70);
    expect(at.sent).toHaveLength(0);
    at.state.down = false;
    await at.days(1);
    const keys = new Set(at.sent.map(({ csr }) => keyOfRequest(csr)?.toString("hex")));
    expect(at.sent.length).toBeGreaterThan(10);
    expect(keys.size).toBe(1);
  });

  it("is not lost by an agent that dies at any step of the change", async () => {
    const at = await world();
    const renewal = at.start();
    await at.days(64);
    const answer = Buffer.from(await at.answer());
    renewal[Symbol.dispose]();
    // As if it had died right after the certificate came into use: the key still lies beside.
    const left = at.disk.bytesOf(identityFiles.next).slice();
    await renewal.take(answer);
    const own = at.own();
    at.disk.files.set(identityFiles.next, left);
    using _next = at.start();
    await at.days(64);
    const again = at.sent.at(-1)?.csr ?? "";
    expect(own).toContain(Buffer.from(left).toString());
    expect(keyOfRequest(again)).not.toEqual(keyOfRequest(at.sent[0]?.csr ?? ""));
  });

  it("that is for another key, or no certificate, changes nothing", async () => {
    const at = await world();
    using renewal = at.start();
    await at.days(64);
    const before = at.own();
    const key = keyName(await nextKey(at.disk));
    const other = at.own().slice(at.own().indexOf("-----BEGIN CERTIFICATE"));
    for (const certificate of [other, "nonsense"]) {
      const answer = encodeCertified({ key, certificate, ca: other });
      await expect(renewal.take(Buffer.from(answer))).rejects.toThrow(/no certificate of ours/);
    }
    await renewal.take(Buffer.from(encodeCertified({ key: "x", certificate: other, ca: other })));
    await renewal.take(Buffer.from("garbage"));
    expect(at.own()).toBe(before);
    expect(keyName(newKey())).not.toBe(key);
  });

  it("follows a clock that jumps: forward it asks at once, back it waits", async () => {
    const at = await world();
    using renewal = at.start();
    at.clock.jump(80 * day);
    await at.days(1);
    const asked = at.sent.length;
    expect(asked).toBeGreaterThan(0);
    const refused = "a certificate is renewed in the second half of its life";
    const key = keyName(await nextKey(at.disk));
    await renewal.take(Buffer.from(encodeCertified({ key, refused, remedy: "wait" })));
    expect(at.log.count("certificate not renewed")).toBe(1);
    at.clock.jump(-80 * day);
    await at.days(2);
    expect(at.sent).toHaveLength(asked);
    at.clock.jump(200 * day);
    await at.days(1);
    expect(at.log.entries.at(-1)?.fields?.["why"]).toMatch(/expired: enrol again/);
  });
});
