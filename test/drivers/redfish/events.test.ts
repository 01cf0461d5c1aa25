/** What a service tells by itself: the stream, calls of its own, and who else may call. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { Heard, Session } from "../../../drivers/contract.ts";
import { SseReader } from "../../../drivers/redfish/sse.ts";
import { freePort, takePort } from "../../ports.ts";
import type { Tree } from "./mockup.ts";
import { goldenTree, startWorld } from "./world.ts";

const alert = {
  "@odata.type": "#Event.v1_7_0.Event",
  Events: [
    {
      MessageId: "ResourceEvent.1.0.ResourceErrorsDetected",
      Message: "Fan 2 has failed.",
      MessageSeverity: "Critical",
      EventTimestamp: "2026-01-01T00:00:05+00:00",
      OriginOfCondition: { "@odata.id": "/redfish/v1/Chassis/1U/ThermalSubsystem/Fans/Bay2" },
    },
    { MessageId: "Alert.1.0.Second", EventTimestamp: "2026-01-01T00:00:05Z", Severity: "Odd" },
  ],
};

const firstPoint = {
  measurement: "device_event",
  fields: {
    reason: "ResourceEvent.1.0.ResourceErrorsDetected",
    message: "Fan 2 has failed.",
    origin: "/redfish/v1/Chassis/1U/ThermalSubsystem/Fans/Bay2",
    severity_state: 2,
    q: 0,
  },
};

interface Ear {
  readonly heard: Heard[];
  /** Settles as `listen` did. */
  stop(): Promise<unknown>;
}

function listenTo(session: Session): Ear {
  const heard: Heard[] = [];
  const abort = new AbortController();
  const listening = session.listen?.((one) => heard.push(one), abort.signal);
  const outcome = listening?.then(
    () => "stopped",
    (error: unknown) => error,
  );
  return {
    heard,
    stop: () => {
      abort.abort();
      return outcome ?? Promise.resolve("deaf");
    },
  };
}

function withoutStream(): Tree {
  const tree = goldenTree("newer_server");
  delete tree.get("/redfish/v1/EventService")?.["ServerSentEventUri"];
  return tree;
}

describe("a stream of events", () => {
  test("[DSP0266 eventing] brings events, told apart by time, and metric reports", async () => {
    const options = { events: "stream", user: "monitor", password: "secret" };
    await using world = await startWorld(goldenTree("newer_server"), {
      options,
      password: "secret",
    });
    const { mockup, session } = world;
    await session.read(["all"], new AbortController().signal);
    const ear = listenTo(session);
    await vi.waitFor(() => expect(mockup.streams.size).toBe(1));
    mockup.stream(alert);
    mockup.stream({
      "@odata.type": "#MetricReport.v1_4_2.MetricReport",
      MetricValues: [
        { MetricProperty: "/redfish/v1/Chassis/1U/Sensors/TotalPower", MetricValue: "420.5" },
        { MetricProperty: "/redfish/v1/Chassis/1U/Sensors/Strange", MetricValue: "1" },
      ],
    });
    await vi.waitFor(() => expect(ear.heard).toHaveLength(3));
    const [first, second, report] = ear.heard;
    expect(first?.reading.points).toEqual([firstPoint]);
    expect(first?.time).toBe(Date.parse("2026-01-01T00:00:05Z"));
    expect(second?.time).toBe(Date.parse("2026-01-01T00:00:05Z") + 1);
    expect(report?.reading.points).toEqual([
      { measurement: "server", fields: { power_w: 420.5, q: 0 } },
    ]);
    expect(await ear.stop()).toBe("stopped");
    await session[Symbol.asyncDispose]();
    expect(mockup.sessions).toEqual([]);
    await vi.waitFor(() => expect(mockup.streams.size).toBe(0));
  });

  test("that ends is E_DISCONNECTED; none at all says what to configure", async () => {
    await using world = await startWorld(goldenTree("newer_server"), {
      options: { events: "stream" },
    });
    const ear = listenTo(world.session);
    await vi.waitFor(() => expect(world.mockup.streams.size).toBe(1));
    for (const one of world.mockup.streams) one.end();
    await vi.waitFor(() => expect(world.mockup.streams.size).toBe(0));
    await using other = await startWorld(withoutStream(), { options: { events: "stream" } });
    const deaf = listenTo(other.session);
    await vi.waitFor(() => expect(other.mockup.requests).toHaveLength(2));
    const none = other.session.listen?.(() => undefined, new AbortController().signal);
    await expect(none).rejects.toThrow("events: http://HOST:PORT");
    await deaf.stop();
    await ear.stop();
  });
});

describe("a subscription", () => {
  test("[DSP0266 eventing] is made, heard, guarded, and taken back", async () => {
    const events = `http://127.0.0.1:${await freePort()}`;
    await using world = await startWorld(withoutStream(), { options: { events } });
    const { mockup, session } = world;
    const old = `${events}/redfish/bmc-1/0123`;
    const collection = "/redfish/v1/EventService/Subscriptions";
    mockup.subscriptions.push({ path: `${collection}/98`, body: { Destination: old } });
    const others = { Destination: "http://10.0.0.9/redfish/bmc-1/1" };
    mockup.subscriptions.push({ path: `${collection}/99`, body: others });
    const ear = listenTo(session);
    await vi.waitFor(() => expect(mockup.subscriptions.map(({ path }) => path)).toHaveLength(2));
    await vi.waitFor(() => expect(mockup.subscriptions[1]?.body["Context"]).toBeDefined());
    expect(mockup.subscriptions[0]?.body).toEqual(others);
    const { Destination: to, Context: context } = mockup.subscriptions[1]?.body ?? {};
    const send = async (path: string, body: string): Promise<number> => {
      return (await fetch(path, { method: "POST", body })).status;
    };
    const there = String(to);
    expect(await send(`${events}/redfish/bmc-1/guess`, JSON.stringify(alert))).toBe(404);
    expect(await send(there, JSON.stringify({ ...alert, Context: "guess" }))).toBe(403);
    expect(await send(there, "{ no JSON")).toBe(400);
    const flood = await send(there, "x".repeat(2 * 1024 * 1024)).catch(() => 413);
    expect(flood).toBe(413);
    expect((await fetch(there)).status).toBe(404);
    expect(ear.heard).toEqual([]);
    expect(await send(there, JSON.stringify({ ...alert, Context: context }))).toBe(204);
    await vi.waitFor(() => expect(ear.heard).toHaveLength(2));
    expect(ear.heard[0]?.reading.points).toEqual([firstPoint]);
    expect(await ear.stop()).toBe("stopped");
    expect(mockup.subscriptions.map(({ body }) => body)).toEqual([others]);
  });

  test("is taken back, and the login too, when the session closes", async () => {
    const events = `http://127.0.0.1:${await freePort()}`;
    const options = { events, user: "monitor", password: "secret" };
    await using world = await startWorld(withoutStream(), { options, password: "secret" });
    const ear = listenTo(world.session);
    await vi.waitFor(() => expect(world.mockup.subscriptions).toHaveLength(1));
    await world.session[Symbol.asyncDispose]();
    expect([world.mockup.subscriptions, world.mockup.sessions]).toEqual([[], []]);
    await ear.stop();
  });

  test("on a port that another program has is E_ADDRESS_IN_USE", async () => {
    await using taken = await takePort();
    const events = `http://127.0.0.1:${taken.port}`;
    await using world = await startWorld(withoutStream(), { options: { events } });
    const listening = world.session.listen?.(() => undefined, new AbortController().signal);
    await expect(listening).rejects.toMatchObject({ code: "E_ADDRESS_IN_USE" });
    expect(world.mockup.subscriptions).toEqual([]);
  });
});

describe("server-sent events", () => {
  const stream = ': hello\n\nid: 1\ndata: {"a":\ndata: 1}\n\ndata:ü\r\n\r\nevent: x\n\ndata: z\r\r';

  test("come out alike however the stream is cut", () => {
    const bytes = new TextEncoder().encode(stream);
    const cuts = fc.array(fc.nat(bytes.length), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (at) => {
        const said: string[] = [];
        const reader = new SseReader((data) => said.push(data));
        let from = 0;
        for (const to of [...at.toSorted((a, b) => a - b), bytes.length]) {
          reader.accept(bytes.subarray(from, to));
          from = to;
        }
        expect(said).toEqual(['{"a":\n1}', "ü", "z"]);
      }),
    );
  });

  test("too long are left out, and what follows is read", () => {
    const said: string[] = [];
    const reader = new SseReader((data) => said.push(data));
    const encoder = new TextEncoder();
    for (let piece = 0; piece < 40; piece += 1) reader.accept(encoder.encode("x".repeat(65_536)));
    reader.accept(encoder.encode("\n\ndata: next\n\n"));
    expect([said, reader.dropped]).toEqual([["next"], 1]);
  });
});
