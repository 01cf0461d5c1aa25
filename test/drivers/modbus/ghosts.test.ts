/**
 * Requests that were given up, and the fences against their late replies.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ghosts } from "../../../drivers/modbus/ghosts.ts";
import { dataBytes, decodeReadRequest, encodeRead } from "../../../drivers/modbus/pdu.ts";
import { spans } from "./spans.ts";

const timeout = 1000;

describe("requests that were given up", () => {
  const span = { table: "holding", at: 8, count: 10 } as const;
  const pdu = encodeRead(span);

  it("haunt their own unit and function alone", () => {
    const ghosts = new Ghosts();
    ghosts.add({ unit: 3, pdu, timeout }, 0);
    expect(ghosts.haunted(3, pdu, 1)).toBe(true);
    expect(ghosts.haunted(4, pdu, 1)).toBe(false);
    expect(ghosts.haunted(3, encodeRead({ ...span, table: "input" }), 1)).toBe(false);
    ghosts.clear(3);
    expect(ghosts.haunted(3, pdu, 1)).toBe(false);
  });

  it("are forgotten after ten times what they were given, ten seconds at least", () => {
    const ghosts = new Ghosts();
    ghosts.add({ unit: 3, pdu, timeout: 20 }, 0);
    ghosts.add({ unit: 4, pdu, timeout: 2000 }, 0);
    expect(ghosts.haunted(3, pdu, 9999)).toBe(true);
    expect(ghosts.haunted(3, pdu, 10_000)).toBe(false);
    expect(ghosts.haunted(4, pdu, 19_999)).toBe(true);
    expect(ghosts.haunted(4, pdu, 20_000)).toBe(false);
  });

  it("need no fence before a request of another length", () => {
    const ghosts = new Ghosts();
    ghosts.add({ unit: 3, pdu, timeout }, 0);
    const short = encodeRead({ ...span, count: 2 });
    expect(ghosts.fenceFor(3, short, 1)).toBe(short);
  });

  it("are fenced off by a function that none of them has, where exceptions count", () => {
    const ghosts = new Ghosts();
    const tables: unknown[] = [];
    for (let fence = ghosts.otherFence(3, pdu, 1); fence !== undefined;) {
      tables.push(decodeReadRequest(fence)?.table);
      ghosts.add({ unit: 3, pdu: fence, timeout }, 0);
      fence = ghosts.otherFence(3, pdu, 1);
    }
    expect(tables).toEqual(["holding", "input", "coil", "discrete"]);
  });

  it("are fenced off inside what is known to be legal, when there is room", () => {
    const ghosts = new Ghosts();
    ghosts.add({ unit: 3, pdu, timeout }, 0);
    const fence = decodeReadRequest(ghosts.fenceFor(3, pdu, 1) ?? new Uint8Array());
    expect(fence).toEqual({ table: "holding", at: 8, count: 8 });
  });

  it("no fence has a reply as long as a ghost's", () => {
    fc.assert(
      fc.property(fc.array(spans, { minLength: 1, maxLength: 7 }), (asked) => {
        const ghosts = new Ghosts();
        for (const one of asked) ghosts.add({ unit: 1, pdu: encodeRead(one), timeout }, 0);
        for (const one of asked) {
          const found = ghosts.fenceFor(1, encodeRead(one), 1) ?? new Uint8Array();
          const fence = decodeReadRequest(found);
          if (fence === undefined) continue;
          const same = asked.filter((ghost) => ghost.table === fence.table).map(dataBytes);
          expect(same).not.toContain(dataBytes(fence));
          expect(fence.at).toBe(one.at);
        }
      }),
    );
  });

  it("of one kind are one; of too many kinds there is no fence", () => {
    const ghosts = new Ghosts();
    for (let count = 0; count < 20; count += 1) ghosts.add({ unit: 1, pdu, timeout }, 0);
    expect(ghosts.fenceFor(1, pdu, 1)).toBeDefined();
    for (let count = 2; count <= 26; count += 2) {
      ghosts.add({ unit: 1, pdu: encodeRead({ ...span, count }), timeout }, 0);
    }
    expect(ghosts.fenceFor(1, pdu, 1)).toBeUndefined();
  });
});
