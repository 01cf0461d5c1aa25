/** Devices on an exporter's page: what they share, remember, miss, and what goes wrong. */
import { describe, expect, it, vi } from "vitest";
import { profiles } from "../../../config/profiles.gen.ts";
import { prometheus } from "../../../drivers/prometheus/index.ts";
import type { Clock } from "../../../telemetry/index.ts";
import { freePort } from "../../ports.ts";
import { codeOf, contextWith, never } from "../modbus/world.ts";
import type { Answer } from "./world.ts";
import { openDevice, profileOf, startExporter, TestMemory } from "./world.ts";

const dcgm = profiles["dcgm-exporter"];

/** Reads all groups of one device on a page once. */
async function readOnce(answer: Answer | string, profile: unknown, options: object = {}) {
  await using exporter = await startExporter(() => answer);
  await using device = await openDevice({ options: { url: exporter.url, ...options }, profile });
  return await device.session.read(device.all, never);
}

/** Real timeouts, and a wall clock that a test moves. */
class MovedClock implements Clock {
  ahead = 0;
  readonly #real = contextWith().clock;
  now(): number {
    return this.#real.now() + this.ahead;
  }
  monotonic(): number {
    return this.#real.monotonic() + this.ahead;
  }
  after(ms: number, run: () => void) {
    return this.#real.after(ms, run);
  }
}

describe("an exporter that does not give its metrics", () => {
  const card = 'DCGM_FI_DEV_GPU_TEMP{gpu="0"} 40\n';
  const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  const cases: readonly [string, Answer, string][] = [
    ["wants a login", { status: 401, body: "Unauthorized" }, "E_LOGIN"],
    ["forbids", { status: 403, body: "" }, "E_LOGIN"],
    ["knows no such page", { status: 404, body: "404 page not found\n" }, "E_DEVICE_REFUSED"],
    ["fails", { status: 500, body: "#nodata: failed to get devices" }, "E_DEVICE_REFUSED"],
    ["shows a web page", { type: "text/html", body: "<html></html>" }, "E_DEVICE_FRAME"],
    ["shows one as text", { body: "\n<!doctype html>" }, "E_DEVICE_FRAME"],
    ["gives nothing", { body: "" }, "E_DEVICE_FRAME"],
    ["gives another's", { body: "up 1\n" }, "E_DEVICE_REFUSED"],
    ["gives too much", { body: card.repeat(100) }, "E_DEVICE_FRAME"],
    ["ends too early", { type: openMetrics, body: card }, "E_DEVICE_FRAME"],
  ];

  it.each(cases)("%s", async (_, answer, code) => {
    expect(await codeOf(readOnce(answer, dcgm, { limit: "2KiB" }))).toBe(code);
  });

  it("is not there", async () => {
    const options = { url: `http://127.0.0.1:${await freePort()}` };
    await using device = await openDevice({ options, profile: dcgm });
    expect(await codeOf(device.session.read(device.all, never))).toBe("E_CONNECT");
  });

  it("ends as OpenMetrics does", async () => {
    const { points } = await readOnce({ type: openMetrics, body: `${card}# EOF\n` }, dcgm);
    expect(points).toMatchObject([{ fields: { temp_c: 40 } }]);
  });
});

describe("devices of one page", () => {
  const page = ["a", "b", "c"].map((host) => `DCGM_FI_DEV_GPU_TEMP{gpu="0",Hostname="${host}"} 4`);

  async function openThree(url: string) {
    const driver = prometheus.create(contextWith());
    const sessions = await Promise.all(
      ["a", "b", "c"].map((host) =>
        driver.open({ id: host, options: { url, where: { Hostname: host } }, profile: dcgm }),
      ),
    );
    const [first, second, third] = sessions;
    if (!first || !second || !third) throw new Error("three were opened");
    return { driver, first, second, third, sessions };
  }

  it("share one scrape, at once or one after the other; a new reading is a new one", async () => {
    await using exporter = await startExporter(() => page.join("\n"));
    const { driver, sessions, first } = await openThree(exporter.url);
    const all = sessions.map((session) => session.read(["default"], never));
    for (const { points } of await Promise.all(all)) expect(points).toHaveLength(1);
    expect(exporter.asked).toHaveLength(1);
    for (const session of sessions) await session.read(["default"], never);
    expect(exporter.asked).toHaveLength(2);
    await first.read(["default"], never);
    expect(exporter.asked).toHaveLength(3);
    await driver[Symbol.asyncDispose]();
  });

  it("do not lose it when one of them gives up", async () => {
    await using exporter = await startExporter(() => page.join("\n"));
    const { driver, first, second } = await openThree(exporter.url);
    exporter.silent = true;
    const abort = new AbortController();
    const lost = codeOf(first.read(["default"], abort.signal));
    const kept = second.read(["default"], never);
    await vi.waitFor(() => expect(exporter.asked).toHaveLength(1));
    abort.abort();
    expect(await lost).toBe("E_DISCONNECTED");
    exporter.wake();
    expect((await kept).points).toHaveLength(1);
    expect(exporter.asked).toHaveLength(1);
    await driver[Symbol.asyncDispose]();
  });

  it("see what each of them wants, whatever its profile", async () => {
    await using exporter = await startExporter(() => "temp 1\npower 2\n");
    const driver = prometheus.create(contextWith());
    const open = (id: string, field: string, metric: string) =>
      driver.open({
        id,
        options: { url: exporter.url },
        profile: profileOf([{ measurement: "server", fields: { [field]: metric } }]),
      });
    const [temp, power] = [await open("t", "inlet_c", "temp"), await open("p", "power_w", "power")];
    expect((await temp.read(["default"], never)).points).toMatchObject([
      { fields: { inlet_c: 1 } },
    ]);
    expect((await power.read(["default"], never)).points).toMatchObject([
      { fields: { power_w: 2 } },
    ]);
    expect(exporter.asked).toHaveLength(1);
    await driver[Symbol.asyncDispose]();
  });
});

describe("what is remembered", () => {
  const energy = (...mWh: readonly number[]) =>
    mWh
      .map((value, n) => `DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="${n}"} ${value * 3600}`)
      .join("\n");

  it("a counter goes on over a restart of the agent and a reload of the driver", async () => {
    let page = energy(5e6);
    await using exporter = await startExporter(() => page);
    const memory = new TestMemory();
    const clock = new MovedClock();
    const read = async () => {
      const options = { url: exporter.url };
      await using device = await openDevice({ options, profile: dcgm, memory, clock });
      const { points } = await device.session.read(device.all, never);
      return points.map(({ fields }) => fields["energy_wh_total"]);
    };
    expect(await read()).toEqual([5000]);
    clock.ahead += 3_600_000;
    page = energy(5.7e6);
    expect(await read()).toEqual([5700]);
    clock.ahead += 3_600_000;
    page = energy(3e5);
    expect(await read()).toEqual([6000]);
  });

  it("a card that is gone is missed after a restart too, for a day", async () => {
    let page = energy(1, 2);
    await using exporter = await startExporter(() => page);
    const memory = new TestMemory();
    const clock = new MovedClock();
    const faults = async () => {
      const options = { url: exporter.url };
      await using device = await openDevice({ options, profile: dcgm, memory, clock });
      return (await device.session.read(device.all, never)).faults.map(({ at }) => at);
    };
    expect(await faults()).toEqual([]);
    page = energy(1);
    expect(await faults()).toEqual(["accelerator gpu=1: no series any more"]);
    clock.ahead += 23 * 3_600_000;
    expect(await faults()).toHaveLength(1);
    clock.ahead += 2 * 3_600_000;
    expect(await faults()).toEqual([]);
  });

  it("what was kept by something else is no obstacle", async () => {
    await using exporter = await startExporter(() => energy(1e6));
    const memory = new TestMemory();
    memory.keep({ counts: { a: "b" } });
    await using device = await openDevice({
      options: { url: exporter.url },
      profile: dcgm,
      memory,
    });
    const { points } = await device.session.read(device.all, never);
    expect(points).toMatchObject([{ fields: { energy_wh_total: 1000 } }]);
  });
});

describe("a mapping", () => {
  const page = `\
speed{fan="a"} 1
speed{fan="b"} 2
speed{fan="c"} 6
state{state="ok"} 0
state{state="bad"} 1
`;

  it("takes several series of one channel as it says", async () => {
    const take = (take: string) => [{ metric: "speed", take }];
    const fields = {
      power_w: take("first"),
      power_min_w: take("min"),
      power_max_w: take("max"),
      power_mean_w: take("mean"),
      power_limit_w: take("sum"),
      capacity_w: take("count"),
      health_state: { metric: "state", label: "state", states: { ok: 0, bad: 2 } },
    };
    const { points, faults } = await readOnce(page, profileOf([{ measurement: "server", fields }]));
    expect(faults).toEqual([]);
    expect(points).toMatchObject([
      {
        fields: {
          power_w: 1,
          power_min_w: 1,
          power_max_w: 6,
          power_mean_w: 3,
          power_limit_w: 9,
          capacity_w: 3,
          health_state: 2,
        },
      },
    ]);
  });

  it("tells what is required and missing, and codes without a state, beside the rest", async () => {
    const fields = {
      power_w: "speed",
      inlet_c: { metric: "inlet", required: true },
      exhaust_c: "exhaust",
      health_state: { metric: "state", label: "state", states: { ok: 0 } },
    };
    const { points, faults } = await readOnce(page, profileOf([{ measurement: "server", fields }]));
    expect(points).toMatchObject([{ fields: { power_w: 1 } }]);
    expect(faults).toEqual([
      { code: "E_DEVICE_REFUSED", at: "inlet: not on the page" },
      { code: "E_VALUE", at: "server health_state: bad" },
    ]);
  });

  it("names channels that fit, and tells of one that does not", async () => {
    const long = `speed{fan="${"x".repeat(70)}"} 1\nspeed{fan="a"} 2\nspeed 3\n`;
    const rows = [{ measurement: "fan", tags: { fan: "{fan}" }, fields: { speed_rpm: "speed" } }];
    const { points, faults } = await readOnce(long, profileOf(rows));
    expect(points).toMatchObject([{ tags: { fan: "a" } }]);
    expect(faults).toEqual([{ code: "E_VALUE", at: "fan fan: a name of 70 characters" }]);
  });

  it("has no rows that repeat, and no other names for channels that are not there", async () => {
    const options = { url: "http://127.0.0.1:1" };
    const repeat = { count: 2, stride: 1 };
    const rows = [{ measurement: "fan", tags: { fan: "{n}" }, repeat, fields: { speed_rpm: "a" } }];
    expect(await codeOf(openDevice({ options, profile: profileOf(rows) }))).toBe("E_PROFILE");
    const channels = { pdu_outlet: "{UUID}" };
    const opened = openDevice({ options: { ...options, channels }, profile: dcgm });
    expect(await codeOf(opened)).toBe("E_CONFIG");
  });

  it("gives one group nothing when the exporter lacks its part, without complaint", async () => {
    const rows = [
      { measurement: "server", fields: { power_w: "speed" } },
      { measurement: "host", every: "60s", fields: { uptime_s: "uptime" } },
    ];
    await using exporter = await startExporter(() => page);
    const options = { url: exporter.url };
    await using device = await openDevice({ options, profile: profileOf(rows) });
    expect(device.all).toEqual(["default", "60s"]);
    expect(await device.session.read(["60s"], never)).toEqual({ points: [], faults: [] });
  });
});
