/** `/health` and `/metrics` over HTTP: who gets what, and what is refused. */
import { describe, expect, it } from "vitest";
import { v } from "../../config/index.ts";
import type { Console } from "../../console/index.ts";
import { consoleOptions, openConsole } from "../../console/index.ts";

async function serve(options: object = {}, failing: string[] = []): Promise<Console> {
  const given = v.parse(consoleOptions, { listen: "http://127.0.0.1:0", ...options });
  const served = await openConsole(given, { metrics: () => "x 1\n", failing: () => failing });
  if (served === undefined) throw new Error("it serves nothing");
  return served;
}

async function get(url: string, init: RequestInit = {}): Promise<string> {
  const answer = await fetch(url, init);
  return `${answer.status} ${await answer.text()}`;
}

describe("the console's server", () => {
  it("says that all is well, and by name what is not", async () => {
    const failing: string[] = [];
    await using at = await serve({}, failing);
    expect(await get(`${at.address}/health`)).toBe('200 {"status":"ok"}\n');
    failing.push("store", "uplink");
    const told = '503 {"status":"degraded","failing":["store","uplink"]}\n';
    expect(await get(`${at.address}/health?now`)).toBe(told);
  });

  it("gives the metrics, with the token where there is one", async () => {
    await using open = await serve();
    expect(await get(`${open.address}/metrics`)).toBe("200 x 1\n");
    await using at = await serve({ token: "long secret" });
    const by = (authorization: string) =>
      get(`${at.address}/metrics`, { headers: { authorization } });
    expect(await get(`${at.address}/metrics`)).toMatch(/^401/);
    expect(await by("Bearer long secre")).toMatch(/^401/);
    expect(await by("Basic long secret")).toMatch(/^401/);
    expect(await by("Bearer long secret")).toBe("200 x 1\n");
    expect(await get(`${at.address}/health`)).toMatch(/^200/);
  });

  it("has no other page, and takes nothing", async () => {
    await using at = await serve();
    expect(await get(`${at.address}/`)).toMatch(/^404/);
    expect(await get(`${at.address}/metrics/x`)).toMatch(/^404/);
    expect(await get(`${at.address}/metrics`, { method: "POST", body: "x" })).toMatch(/^405/);
  });

  it("names an address that is taken", async () => {
    await using at = await serve();
    await expect(serve({ listen: at.address })).rejects.toMatchObject({ code: "E_ADDRESS_IN_USE" });
  });

  it("is nowhere by default, and wants a token before other machines reach it", async () => {
    const source = { metrics: () => "", failing: () => [] };
    expect(await openConsole(v.parse(consoleOptions, {}), source)).toBeUndefined();
    const open = { listen: "http://0.0.0.0:9464" };
    expect(v.safeParse(consoleOptions, open).success).toBe(false);
    expect(v.safeParse(consoleOptions, { ...open, token: "x" }).success).toBe(true);
  });
});
