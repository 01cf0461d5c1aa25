/** A hub on a broker that is there already: what it hears, what it leaves, and that it waits. */
import { describe, expect, test } from "vitest";
import type { Hub } from "../../broker/contract.ts";
import type { OutsideLink, OutsideLinkSetup } from "../../broker/outside.ts";
import { openOutside } from "../../broker/outside.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

const root = "rackstreet/v1/local/main/hall";
const body = Buffer.from("{}");

interface Opened {
  readonly hub: Hub;
  readonly link: OutsideLinkSetup;
  readonly clock: VirtualClock;
  /** Topics that the hub was given. */
  readonly heard: string[];
  readonly sent: Parameters<OutsideLink["publish"]>[0][];
}

function open(room: () => Promise<void> | undefined = () => undefined): Opened {
  const clock = new VirtualClock();
  const heard: string[] = [];
  const sent: Opened["sent"] = [];
  const links: OutsideLinkSetup[] = [];
  const hub = openOutside(
    {
      address: "mqtt://broker:1883",
      hub: "hub-1",
      connect(setup) {
        links.push(setup);
        return {
          publish: (message) => Promise.resolve(void sent.push(message)),
          [Symbol.asyncDispose]: () => Promise.resolve(),
        };
      },
    },
    {
      site: { region: "local", org: "main", site: "hall" },
      message: (topic) => void heard.push(topic),
      room,
    },
    { clock, entropy: new SeededEntropy(1), log: silentLog },
  );
  const [link] = links;
  if (link === undefined) throw new Error("not connected");
  return { hub, link, clock, heard, sent };
}

describe("a hub on an outside broker", () => {
  test("subscribes to what agents publish, of all sites, and to nothing of its own", () => {
    const { link } = open();
    expect(link.clientId).toBe("rackstreet-hub-local-main-hall-hub-1");
    expect(link.subscribe).toEqual(
      ["telemetry", "event", "backfill", "meta", "state"].map(
        (kind) => `rackstreet/v1/+/+/+/+/+/${kind}`,
      ),
    );
  });

  test("leaves retained telemetry, its own words and foreign topics", () => {
    const { link, heard, hub } = open();
    const given: [topic: string, retained: boolean][] = [
      [`${root}/power/pdu/telemetry`, false],
      [`${root}/power/pdu/telemetry`, true],
      [`${root}/power/pdu/meta`, true],
      [`${root}/power/pdu/state`, true],
      [`${root}/hub/hub-1/telemetry`, false],
      ["elsewhere", false],
    ];
    for (const [topic, retained] of given) void link.events.message(topic, body, retained);
    expect(heard).toEqual(
      ["telemetry", "meta", "state"].map((kind) => `${root}/power/pdu/${kind}`),
    );
    expect(hub.counters.received).toBe(3);
  });

  test("keeps the next message waiting while there is no room, but not for ever", async () => {
    const room = Promise.withResolvers<void>();
    const { link, clock } = open(() => room.promise);
    const states: string[] = [];
    const wait = async (name: string): Promise<void> => {
      await link.events.message(`${root}/power/pdu/telemetry`, body);
      states.push(name);
    };
    void wait("late");
    await clock.advance(19_000);
    expect(states).toEqual([]);
    await clock.advance(2000);
    expect(states).toEqual(["late"]);
    const second = wait("room");
    room.resolve();
    await second;
    expect(states).toEqual(["late", "room"]);
    expect(link.events.message(`${root}/power/pdu/meta`, body)).toBeUndefined();
  });

  test("publishes as text, retained where asked", async () => {
    const { hub, sent } = open();
    await hub.publish("t", Buffer.from("°C"), { retain: true });
    expect(sent).toEqual([{ topic: "t", payload: "°C", retain: true }]);
  });
});
