/**
 * Modbus TCP with several requests outstanding against servers that cannot do it, each in its own
 * way, over real sockets. What is asked of every case: right values, and one at a time from then
 * on.
 */
import { describe, expect, it } from "vitest";
import { widest } from "../../../drivers/modbus/window.ts";
import { enough, lineTo, read, readMany } from "../../drivers/modbus/asking.ts";
import type { Behaviour, PeerLink, PeerRequest } from "../../drivers/modbus/world.ts";
import { honest, rightAnswer, startPeer } from "../../drivers/modbus/world.ts";

/** Short, because silence costs it in full. @unit ms */
const timeout = 150;

/** Collects what comes in one turn of the event loop, then behaves. */
function perTurn(behave: (requests: readonly PeerRequest[], link: PeerLink) => void): Behaviour {
  const kept = new Map<PeerLink, PeerRequest[]>();
  return (request, link) => {
    const requests = kept.get(link) ?? [];
    kept.set(link, requests);
    requests.push(request);
    if (requests.length > 1) return;
    setImmediate(() => behave(requests.splice(0), link));
  };
}

describe("a server that can do it", () => {
  it("gets as many at once as are ever sent", async () => {
    let most = 0;
    const count = perTurn((requests, link) => {
      most = Math.max(most, requests.length);
      for (const request of requests) honest(request, link);
    });
    await using peer = await startPeer("tcp", count);
    await using line = lineTo(peer.address);
    expect(await readMany(line, enough)).toEqual([]);
    expect(most).toBe(widest);
    expect(line.counts).toEqual({ connected: 1, late: 0, mixed: 0, resent: 0 });
  });

  it("may cut and join its frames at every byte", async () => {
    let cut = 1;
    const pieces = perTurn((requests, link) => {
      const answers = requests.map((request) => request.wrap(rightAnswer(request)));
      const bytes = Buffer.concat(answers);
      cut = (cut % 40) + 1;
      for (let at = 0; at < bytes.length; at += cut) link.send(bytes.subarray(at, at + cut));
    });
    await using peer = await startPeer("tcp", pieces);
    await using line = lineTo(peer.address);
    expect(await readMany(line, 2 * enough)).toEqual([]);
    expect(line.window.size).toBe(widest);
  });

  it("may answer each request twice", async () => {
    await using peer = await startPeer("tcp", (request, link) => {
      honest(request, link);
      honest(request, link);
    });
    await using line = lineTo(peer.address);
    expect(await readMany(line, enough)).toEqual([]);
    expect(line.counts.late).toBeGreaterThan(0);
  });
});

/** Answers of one turn, each with the transaction of another. */
const swapped = perTurn((requests, link) => {
  const wraps = requests.map(({ wrap }) => wrap).toReversed();
  for (const [index, request] of requests.entries()) {
    link.send(wraps[index]?.(rightAnswer(request)) ?? new Uint8Array());
  }
});

const reversed = perTurn((requests, link) => {
  for (const request of requests.toReversed()) honest(request, link);
});

const onlyLast = perTurn((requests, link) => {
  const last = requests.at(-1);
  if (last !== undefined) honest(last, link);
});

const onlyFirst = perTurn(([first], link) => {
  if (first !== undefined) honest(first, link);
});

const hangsUp = perTurn((requests, link) => {
  const [first] = requests;
  if (requests.length > 1) link.hangUp();
  else if (first !== undefined) honest(first, link);
});

const garbles = perTurn((requests, link) => {
  const [first] = requests;
  if (requests.length > 1) link.send(Buffer.from("too much at once"));
  else if (first !== undefined) honest(first, link);
});

const wrongUnits = perTurn((requests, link) => {
  for (const request of requests) {
    link.send(request.wrap(rightAnswer(request), requests.length > 1 ? 9 : request.unit));
  }
});

describe("a server that cannot do it", () => {
  it.each<[string, Behaviour]>([
    ["answers in another order", reversed],
    ["answers in order and swaps transactions", swapped],
    ["answers only the last", onlyLast],
    ["answers only the first", onlyFirst],
    ["closes the connection", hangsUp],
    ["sends garbage", garbles],
    ["answers for another unit", wrongUnits],
  ])("%s: every value is right, and one at a time it works", async (_, behaviour) => {
    await using peer = await startPeer("tcp", behaviour);
    await using line = lineTo(peer.address);
    expect(await readMany(line, enough)).toEqual([]);
    expect(line.window.size).toBe(1);
    const { length } = peer.requests;
    const { late, mixed, resent } = line.counts;
    expect(await readMany(line, 3)).toEqual([]);
    // Nothing is tried again: as many requests as asked, none of them twice.
    expect(peer.requests.length - length).toBe(3 * widest);
    expect(line.counts).toMatchObject({ late, mixed, resent });
  });

  it("hangs: all end with a code, the connection is replaced, and it works again", async () => {
    let hanging = false;
    await using peer = await startPeer("tcp", (request, link) => {
      if (!hanging) honest(request, link);
    });
    await using line = lineTo(peer.address);
    expect(await readMany(line, enough)).toEqual([]);
    hanging = true;
    const silent = new Set(await readMany(line, 1, { timeout }));
    expect(silent).toEqual(new Set(["E_MODBUS_TIMEOUT"]));
    expect(await read(line, 1, { timeout })).toBe("E_MODBUS_TIMEOUT");
    expect(await read(line, 2, { timeout })).toBe("E_MODBUS_TIMEOUT");
    hanging = false;
    expect(await readMany(line, enough)).toEqual([]);
    expect(peer.connections()).toBe(2);
    expect(line.window.size).toBe(widest);
  });
});

describe("a connection", () => {
  it("that the device closes at rest is replaced, without a failed read", async () => {
    await using peer = await startPeer("tcp", (request, link) => {
      honest(request, link);
      setImmediate(() => link.hangUp());
    });
    await using line = lineTo(peer.address);
    for (let count = 0; count < 50; count += 1) expect(await read(line, count)).toBe("none");
    expect(line.counts.connected).toBeGreaterThan(1);
  });

  it("is the only one that a device of one connection gets", async () => {
    let client: PeerLink | undefined;
    await using peer = await startPeer("tcp", (request, link) => {
      client ??= link;
      if (client === link) honest(request, link);
      else link.hangUp();
    });
    await using line = lineTo(peer.address);
    for (let round = 1; round <= 5; round += 1) {
      expect(await readMany(line, 3)).toEqual([]);
      expect(peer.connections()).toBe(round);
      client?.hangUp();
      client = undefined;
    }
  });

  it("closed in the middle of an answer: that read has failed, the next is right", async () => {
    await using peer = await startPeer("tcp", (request, link) => {
      if (request.index !== 3) return honest(request, link);
      link.send(request.wrap(rightAnswer(request)).subarray(0, 12));
      setImmediate(() => link.hangUp());
    });
    await using line = lineTo(peer.address);
    const codes: string[] = [];
    for (let count = 0; count < 6; count += 1) codes.push(await read(line, count));
    expect(codes.filter((code) => code !== "none")).toEqual(["E_DISCONNECTED"]);
  });

  it("to a gateway: a silent unit takes its own time only, once the others are known", async () => {
    await using peer = await startPeer("tcp", (request, link) => {
      if (request.unit !== 66) honest(request, link);
    });
    await using line = lineTo(peer.address);
    for (let round = 0; round < 40; round += 1) {
      const reads = [1, 2, 3, 4].map((unit) => read(line, round, { unit }));
      expect(new Set(await Promise.all(reads))).toEqual(new Set(["none"]));
    }
    expect(line.window.size).toBeGreaterThan(1);
    const silent = (): Promise<string> => read(line, 5, { unit: 66, timeout });
    // The first two find out that its silence is not the others' doing.
    expect([await silent(), await silent()]).toEqual(["E_MODBUS_TIMEOUT", "E_MODBUS_TIMEOUT"]);
    const third = silent();
    const answers = async (): Promise<string> => {
      for (let count = 0; count < 50; count += 1)
        await read(line, count, { unit: 1 + (count % 4) });
      return "the others";
    };
    expect(await Promise.race([third, answers()])).toBe("the others");
    expect(await third).toBe("E_MODBUS_TIMEOUT");
  });
});
