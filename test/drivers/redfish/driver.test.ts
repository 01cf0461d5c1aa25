/** Sessions, faults of parts, silence, hostile answers. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { problemOf } from "../../../telemetry/index.ts";
import { VirtualClock } from "../../virtual.ts";
import { codeOf, never } from "../modbus/world.ts";
import type { Tree } from "./mockup.ts";
import { goldenTree, startWorld } from "./world.ts";

const login = { user: "monitor", password: "secret" };
const thermal = "/redfish/v1/Chassis/1/Thermal";

describe("a login", () => {
  test("[DSP0266 session login] is made once, again on 401, and ended", async () => {
    const world = await startWorld(goldenTree("older_server"), {
      password: "secret",
      options: login,
    });
    const { mockup, session } = world;
    await session.read(["all"], never);
    await session.read(["all"], never);
    expect(mockup.logins).toBe(1);
    // As a controller that was restarted.
    mockup.sessions.length = 0;
    expect((await session.read(["all"], never)).faults).toEqual([]);
    expect(mockup.logins).toBe(2);
    expect(mockup.sessions).toHaveLength(1);
    await session[Symbol.asyncDispose]();
    expect(mockup.sessions).toEqual([]);
    await world[Symbol.asyncDispose]();
  });

  test("under way while the session closes leaves no session behind", async () => {
    await using world = await startWorld(goldenTree("older_server"), {
      password: "secret",
      options: login,
    });
    const { mockup, session } = world;
    const read = session.read(["all"], never).catch((error: unknown) => error);
    await session[Symbol.asyncDispose]();
    await read;
    expect(mockup.sessions).toEqual([]);
  });

  test("is ended by the driver for a session that was left open", async () => {
    const world = await startWorld(goldenTree("older_server"), {
      password: "secret",
      options: login,
    });
    await world.session.read(["all"], never);
    await world[Symbol.asyncDispose]();
    expect(world.mockup.sessions).toEqual([]);
  });

  test("with the wrong password is E_LOGIN, without the password in the message", async () => {
    await using world = await startWorld(goldenTree("older_server"), {
      password: "secret",
      options: { ...login, password: "guessed" },
    });
    const error: unknown = await world.session.read(["all"], never).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "E_LOGIN" });
    expect(String(error)).not.toContain("guessed");
  });

  test.each([
    [403, "E_LOGIN"],
    [503, "E_DEVICE_REFUSED"],
    [404, "E_LOGIN"],
  ] as const)("that is refused with %s is tried once in a reading", async (status, code) => {
    await using world = await startWorld(goldenTree("older_server"), {
      password: "secret",
      options: login,
    });
    const { mockup, session } = world;
    mockup.noLogin = status;
    await expect(session.read(["all"], never)).rejects.toMatchObject({ code });
    expect(mockup.requests).toEqual([
      "GET /redfish/v1/",
      "POST /redfish/v1/SessionService/Sessions",
    ]);
    // Sessions run out while it is read, too.
    mockup.noLogin = undefined;
    await session.read(["all"], never);
    mockup.sessions.length = 0;
    mockup.noLogin = status;
    mockup.requests.length = 0;
    await expect(session.read(["all"], never)).rejects.toMatchObject({ code });
    expect(mockup.requests.filter((one) => one.startsWith("POST"))).toHaveLength(1);
  });

  test("as Basic needs no session", async () => {
    await using world = await startWorld(goldenTree("older_server"), {
      password: "secret",
      options: { ...login, login: "basic" },
    });
    expect((await world.session.read(["all"], never)).points.length).toBeGreaterThan(5);
    expect(world.mockup.logins).toBe(0);
  });

  test("needs both name and password", async () => {
    const started = startWorld(goldenTree("older_server"), { options: { user: "monitor" } });
    await expect(started).rejects.toThrow("belong together");
  });
});

describe("a part", () => {
  test.each([
    ["500", "E_DEVICE_REFUSED"],
    ["403", "E_LOGIN"],
    ["404", "E_DEVICE_REFUSED"],
    ["garbage", "E_DEVICE_FRAME"],
    ["not-an-object", "E_DEVICE_FRAME"],
    ["hang", "E_DEVICE_TIMEOUT"],
  ] as const)("that answers %s is a fault beside the rest", async (wrong, code) => {
    const clock = new VirtualClock();
    await using world = await startWorld(goldenTree("older_server"), { clock });
    world.mockup.wrong.set(thermal, wrong);
    const reading = world.session.read(["all"], never);
    await vi.waitFor(() => expect(world.mockup.requests).toContain(`GET ${thermal}`));
    if (wrong === "hang") await clock.advance(30_000);
    const { points, faults } = await reading;
    expect(faults).toEqual([{ code, at: thermal }]);
    expect(points.map((point) => point.measurement)).toContain("power_supply");
  });

  test("of a service that falls silent: the rest is not waited for", async () => {
    const clock = new VirtualClock();
    await using world = await startWorld(goldenTree("older_server"), { clock });
    const { mockup, session } = world;
    await session.read(["all"], never);
    mockup.silent = true;
    mockup.requests.length = 0;
    const outcome = codeOf(session.read(["all"], never));
    for (const asked of [1, 2]) {
      await vi.waitFor(() => expect(mockup.requests).toHaveLength(asked));
      await clock.advance(30_000);
    }
    expect(await outcome).toBe("E_DEVICE_TIMEOUT");
    expect(mockup.requests).toEqual([
      "GET /redfish/v1/Systems/1",
      "GET /redfish/v1/Chassis/1/Power",
    ]);
  });

  test("that has gone, or come, is noticed by the next walk", async () => {
    await using world = await startWorld(goldenTree("older_server"));
    const { mockup, session } = world;
    await session.read(["all"], never);
    const chassis = mockup.tree.get("/redfish/v1/Chassis/Enclosure");
    delete chassis?.["Thermal"];
    mockup.tree.delete("/redfish/v1/Chassis/Enclosure/Thermal");
    expect((await session.read(["all"], never)).faults).toHaveLength(1);
    expect((await session.read(["all"], never)).faults).toEqual([]);
  });

  test("of a tree that cannot be walked again is read as it was known", async () => {
    const clock = new VirtualClock();
    await using world = await startWorld(goldenTree("older_server"), { clock });
    const { mockup, session } = world;
    const { points } = await session.read(["all"], never);
    await clock.advance(3_600_000);
    mockup.wrong.set("/redfish/v1", "500");
    const again = await session.read(["all"], never);
    expect(again).toEqual({ points, faults: [{ code: "E_DEVICE_REFUSED", at: "/redfish/v1/" }] });
  });

  test("newer that is refused gives way to the older", async () => {
    await using world = await startWorld(goldenTree("newer_server"));
    world.mockup.wrong.set("/redfish/v1/Chassis/1U/PowerSubsystem", "500");
    delete world.mockup.tree.get("/redfish/v1/Chassis/1U")?.["EnvironmentMetrics"];
    const { points } = await world.session.read(["all"], never);
    const server = points.find((point) => point.measurement === "server");
    expect(server?.fields["power_w"]).toBe(999);
  });

  test("on a connection that is cut is asked for once more", async () => {
    await using world = await startWorld(goldenTree("older_server"));
    world.mockup.wrong.set(thermal, "drop");
    const { faults } = await world.session.read(["all"], never);
    const asked = world.mockup.requests.filter((one) => one.endsWith(thermal));
    expect([faults[0]?.code, asked.length]).toEqual(["E_DISCONNECTED", 2]);
  });
});

test("a slash at the end of a path changes nothing; total power is the server's", async () => {
  const tree = goldenTree("newer_server");
  const chassis = tree.get("/redfish/v1/Chassis/1U");
  const sensors = "/redfish/v1/Chassis/1U/Sensors";
  const path = `${sensors}/power_total_power`;
  const total = { Id: "power_total_power", ReadingType: "Power", Reading: 321.5 };
  tree.set(path, { "@odata.id": path, ...total });
  const members = ["Intake/", "power_total_power", "PS1InV/"].map((name) => {
    return { "@odata.id": `${sensors}/${name}` };
  });
  tree.set(sensors, { Members: members });
  tree.set("/redfish/v1/Chassis", { Members: [{ "@odata.id": "/redfish/v1/Chassis/1U/" }] });
  delete chassis?.["EnvironmentMetrics"];
  delete chassis?.["Power"];
  await using world = await startWorld(tree);
  const { points, faults } = await world.session.read(["all"], never);
  expect(faults).toEqual([]);
  expect(points.find(({ measurement }) => measurement === "server")?.fields).toMatchObject({
    power_w: 321.5,
    inlet_c: 23.5,
  });
  expect(points.some(({ tags }) => tags?.["sensor"] === "PS1InV")).toBe(false);
});

describe("a collection", () => {
  test("[DSP0266 expand] that says it expands and does not is read plainly", async () => {
    const tree = goldenTree("older_server");
    const root = tree.get("/redfish/v1");
    if (root !== undefined) root["ProtocolFeaturesSupported"] = { ExpandQuery: { NoLinks: true } };
    await using world = await startWorld(tree);
    world.mockup.wrong.set("/redfish/v1/Systems", "500");
    const { faults } = await world.session.read(["all"], never);
    expect(faults.map(({ at }) => at)).toEqual(["/redfish/v1/Systems"]);
    expect(world.mockup.requests.slice(1, 3)).toEqual([
      "GET /redfish/v1/Systems?$expand=.",
      "GET /redfish/v1/Systems",
    ]);
  });

  test("[DSP0266 paging] in pages is read to its end, and one in a ring once", async () => {
    const tree = goldenTree("older_server");
    const members = (name: string): unknown => [{ "@odata.id": `/redfish/v1/Chassis/${name}` }];
    const next = "Members@odata.nextLink";
    const page = "/redfish/v1/Chassis/page2";
    tree.set("/redfish/v1/Chassis", { Members: members("1"), [next]: page });
    tree.set(page, { Members: members("Enclosure"), [next]: "/redfish/v1/Chassis/page2" });
    await using world = await startWorld(tree);
    const { points, faults } = await world.session.read(["all"], never);
    expect(faults).toEqual([]);
    expect(points.filter(({ tags }) => tags?.["sensor"] === "Enclosure/Front")).toHaveLength(1);
    expect(world.mockup.requests.filter((one) => one.endsWith("page2"))).toHaveLength(1);
  });

  test("of very many members is cut, and a fault says so", async () => {
    const tree = goldenTree("older_server");
    const members = Array.from({ length: 2000 }, (_, index) => {
      return { "@odata.id": `/redfish/v1/Systems/${index}` };
    });
    tree.set("/redfish/v1/Chassis/1/Sensors", { Members: members });
    const chassis = tree.get("/redfish/v1/Chassis/1");
    if (chassis !== undefined) {
      chassis["Sensors"] = { "@odata.id": "/redfish/v1/Chassis/1/Sensors" };
    }
    await using world = await startWorld(tree);
    const { faults } = await world.session.read(["all"], never);
    expect(faults.map(({ at }) => at)).toContain(
      "more than 300 members of /redfish/v1/Chassis/1/Sensors",
    );
    expect(world.mockup.requests.length).toBeLessThan(330);
  });
});

/** Anything instead of what stands there. */
const anything = fc.oneof(
  fc.constant(null),
  fc.double(),
  fc.string(),
  fc.constantFrom("/redfish/v1/Chassis", "//evil/redfish/v1", "/redfish/v1/Systems/1"),
  fc.constant({ "@odata.id": "/redfish/v1/Chassis" }),
  fc.constant({ "@odata.id": "http://evil/redfish/v1/" }),
  fc.constant({ Reading: "1e999", DataSourceUri: 5, __proto__: { Reading: 1 } }),
  fc.constant([[[[{ Reading: [] }]]]]),
  fc.constant({ Members: "many" }),
  fc.jsonValue({ maxDepth: 3 }),
);

function damaged(tree: Tree, damage: readonly (readonly [number, number, unknown])[]): Tree {
  const paths = [...tree.keys()];
  for (const [at, key, value] of damage) {
    const body = tree.get(paths[at % paths.length] ?? "");
    const names = Object.keys(body ?? {});
    const name = names[key % names.length];
    if (body !== undefined && name !== undefined) body[name] = value;
  }
  return tree;
}

test("whatever a service answers gives legal points or an error of the table", async () => {
  const places = fc.tuple(fc.nat(), fc.nat(), anything);
  const trees = fc.constantFrom("older_server", "newer_server", "gpu_board", "rack_pdu");
  const property = fc.asyncProperty(
    trees,
    fc.array(places, { minLength: 1, maxLength: 20 }),
    async (name, damage) => {
      await using world = await startWorld(damaged(goldenTree(name), damage));
      const read = world.session.read(["all"], never);
      const reading = await read.catch((error: unknown) => error);
      if (reading instanceof Error) {
        expect(reading).toHaveProperty("verdict", "retry");
        return;
      }
      const { points } = await read;
      expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test("[DSP0266 excerpts] a sensor whose reading another resource shows is not read", async () => {
  await using world = await startWorld(goldenTree("gpu_board"));
  const { mockup, session } = world;
  const { points } = await session.read(["all"], never);
  expect(mockup.requests.filter((one) => one.endsWith("_Temp_0"))).toEqual([
    "GET /redfish/v1/Chassis/HGX_Chassis_0/Sensors/HGX_Chassis_0_Inlet_Temp_0",
  ]);
  expect(points.filter(({ measurement }) => measurement === "electrical_sensor")).toEqual([]);
});

test("an answer nested very deep, or very long, is a fault of its part", async () => {
  await using world = await startWorld(goldenTree("older_server"));
  let deep: unknown = 1;
  for (let depth = 0; depth < 3000; depth += 1) deep = [deep];
  world.mockup.tree.set(thermal, { Temperatures: deep });
  world.mockup.tree.set("/redfish/v1/Chassis/1/Power", { Name: "x".repeat(3 * 1024 * 1024) });
  const { points, faults } = await world.session.read(["all"], never);
  expect(faults).toEqual([{ code: "E_DEVICE_FRAME", at: "/redfish/v1/Chassis/1/Power" }]);
  expect(points.map((point) => point.measurement)).toContain("thermal");
});
