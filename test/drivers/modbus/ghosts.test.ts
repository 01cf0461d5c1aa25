/**
 * Requests that were given up, and the fences against their late replies.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ghosts } from "../../../drivers/modbus/ghosts.ts";
import { dataBytes, decodeReadRequest, encodeRead } from "../../../drivers/modbus/pdu.ts";
import { spans } from "./spans.ts";

describe("requests that were given up", () => {
  const pdu = encodeRead({ table: "holding", at: 8, count: 10 });

  it("haunt their own unit and function alone", () => {
    const ghosts = new Ghosts();
    ghosts.add(3, pdu);
    expect(ghosts.haunted(3, pdu)).toBe(true);
    expect(ghosts.haunted(4, pdu)).toBe(false);
    expect(ghosts.haunted(3, encodeRead({ table: "input", at: 8, count: 10 }))).toBe(false);
    ghosts.clear(3);
    expect(ghosts.haunted(3, pdu)).toBe(false);
  });

  it("are fenced off inside what is known to be legal, when there is room", () => {
    const ghosts = new Ghosts();
    ghosts.add(3, pdu);
    const fence = decodeReadRequest(ghosts.fenceFor(3, pdu) ?? new Uint8Array());
    expect(fence).toEqual({ table: "holding", at: 8, count: 8 });
  });

  it("no fence has a reply as long as a ghost's", () => {
    fc.assert(
      fc.property(fc.array(spans, { minLength: 1, maxLength: 3 }), (asked) => {
        const ghosts = new Ghosts();
        for (const span of asked) ghosts.add(1, encodeRead(span));
        for (const span of asked) {
          const fence = decodeReadRequest(ghosts.fenceFor(1, encodeRead(span)) ?? new Uint8Array());
          if (fence === undefined) continue;
          const same = asked.filter((ghost) => ghost.table === fence.table).map(dataBytes);
          expect(same).not.toContain(dataBytes(fence));
          expect(fence.at).toBe(span.at);
        }
      }),
    );
  });

  it("after enough silence there is no fence any more", () => {
    const ghosts = new Ghosts();
    for (let count = 0; count < 6; count += 1) ghosts.add(1, pdu);
    expect(ghosts.fenceFor(1, pdu)).toBeUndefined();
  });
});
