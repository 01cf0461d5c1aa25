/** What several publish at once reaches everybody, in the order in which it was accepted. */
import { describe, expect, it, vi } from "vitest";
import { inOrder } from "../../broker/in-order.ts";
import { inbox, running } from "./running.ts";
import { connect, field, packet, publish, publish1 } from "./wire.ts";

const root = "rackstreet/v1/local/main/hall/power/pdu-1";

/** At QoS 1, retained. */
function retained1(topic: string, id: number): Buffer {
  return packet(0x33, field(topic), [id >> 8, id & 0xff], Buffer.from("x"));
}

describe("publishes that come together", () => {
  it("all arrive, those of one QoS in their order, retained or not [MQTT-4.6.0-6]", async () => {
    await using at = await running();
    const reader = await at.connect();
    const got = inbox(reader);
    await reader.subscribeAsync("rackstreet/v1/#", { qos: 0 });
    const one = await at.socket(connect());
    const kinds = ["telemetry", "event", "state", "backfill", "meta", "result"];
    const sent = Array.from({ length: 60 }, (_, n) => `${root}-${n}/${kinds[n % 6]}`);
    const packets = sent.map((topic, n) => {
      if (n % 3 === 0) return retained1(topic, n + 1);
      return n % 3 === 1 ? publish1(topic, n + 1) : publish(topic);
    });
    one.write(Buffer.concat(packets));
    await vi.waitFor(() => expect(got).toHaveLength(60));
    const order = got.map((line) => sent.indexOf(line.slice(0, -2)));
    expect(order.toSorted((a, b) => a - b)).toEqual(sent.map((_, n) => n));
    // Those at QoS 1, whether retained or not, as they came; those at QoS 0 too.
    for (const qos of [0, 1]) {
      const these = order.filter((n) => (n % 3 === 2 ? 0 : 1) === qos);
      expect(these).toEqual(these.toSorted((a, b) => a - b));
    }
  });

  it("come once to who keeps a session and hears them by two filters", async () => {
    await using at = await running();
    const reader = await at.connect({ clean: false, clientId: "kept" });
    const got = inbox(reader);
    await reader.subscribeAsync(["rackstreet/v1/#", `${root}/#`], { qos: 1 });
    const one = await at.socket(connect());
    const topics = ["state", "event", "meta", "backfill"].map((kind) => `${root}/${kind}`);
    const packets = topics.map((topic, n) =>
      n % 2 === 0 ? retained1(topic, n + 1) : publish1(topic, n + 1),
    );
    one.write(Buffer.concat(packets));
    await vi.waitFor(() => expect(got.length).toBeGreaterThanOrEqual(4));
    expect(got).toEqual(topics.map((topic) => `${topic} x`));
    expect(at.hub.counters.cut).toEqual({});
  });

  it("of a will and the word that its client is gone, neither is lost", async () => {
    const users = { root: { password: "p", role: "admin" } };
    await using at = await running({ users });
    const judge = await at.connect({ username: "root", password: "p" });
    const got = inbox(judge);
    await judge.subscribeAsync(["rackstreet/v1/#", "$SYS/#"]);
    const fields = ["w", `${root}/state`, "will", "root", "p"].map((text) => field(text));
    const socket = await at.socket(connect({ flags: 0xce, fields }));
    socket.destroy();
    await vi.waitFor(() => expect(got).toContain(`${root}/state will`));
  });
});

describe("inOrder", () => {
  it("hands on by number what came in one turn", async () => {
    const seen: number[] = [];
    const emit = inOrder((one: { readonly brokerCounter: number }) => seen.push(one.brokerCounter));
    for (const brokerCounter of [2, 1, 4, 3]) emit({ brokerCounter }, () => undefined);
    await vi.waitFor(() => expect(seen).toEqual([1, 2, 3, 4]));
  });
});
