/** What a hub is asked over HTTP: one JSON object, whoever asks, or why not. */
import { describe, expect, it } from "vitest";
import { v } from "../../config/index.ts";
import type { Api, ApiCall, Console } from "../../console/index.ts";
import { consoleOptions, openConsole } from "../../console/index.ts";

type Answer = (call: ApiCall) => AsyncIterable<unknown>;

async function serve(answer?: Answer): Promise<Console> {
  const api: Api | undefined = answer && {
    ask: (call) => Promise.resolve(answer(call)),
    explain: (error) => ({ status: 403, problem: String(error), remedy: "none" }),
  };
  const options = v.parse(consoleOptions, { listen: "http://127.0.0.1:0" });
  const served = await openConsole(options, { metrics: () => "", failing: () => [], api });
  if (served === undefined) throw new Error("it serves nothing");
  return served;
}

describe("the console's API", () => {
  it("joins the parts of an answer", async () => {
    await using at = await serve(async function* answer() {
      yield await Promise.resolve([1, { a: "x" }]);
      yield [];
      yield [2];
    });
    const answer = await fetch(`${at.address}/api/v1/latest`);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toEqual({ v: 1, ok: [1, { a: "x" }, 2] });
  });

  it("hands on who asks, and what", async () => {
    const calls: ApiCall[] = [];
    await using at = await serve(async function* answer(call) {
      calls.push(call);
      yield await Promise.resolve([]);
    });
    const authorization = `Basic ${Buffer.from("city:pass:word").toString("base64")}`;
    await fetch(`${at.address}/api/v1/catalog?filter=a/%23`, { headers: { authorization } });
    await fetch(`${at.address}/api/v1/catalog`, { headers: { authorization: "Bearer x" } });
    expect(calls[0]).toMatchObject({ request: "catalog", args: { filter: "a/#" }, user: "city" });
    expect(Buffer.from(calls[0]?.password ?? []).toString()).toBe("pass:word");
    expect(calls[0]?.remote).toMatch(/127\.0\.0\.1$/);
    expect(calls[1]).toMatchObject({ args: {}, user: undefined, password: undefined });
  });

  it("says why there is no answer, and cuts one that fails halfway", async () => {
    let whole = false;
    await using at = await serve(async function* answer() {
      if (whole) yield await Promise.resolve(["begun"]);
      throw new Error("no");
    });
    const refused = await fetch(`${at.address}/api/v1/latest`);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toEqual({ v: 1, problem: "Error: no", remedy: "none" });
    whole = true;
    const halfway = fetch(`${at.address}/api/v1/latest`).then((answer) => answer.text());
    await expect(halfway).rejects.toThrow();
  });

  it("ends an answer that nobody waits for", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using at = await serve(async function* answer({ gone }) {
      gone.addEventListener("abort", () => resolve());
      for (;;) yield await Promise.resolve(["x".repeat(65_536)]);
    });
    const leave = new AbortController();
    const answer = await fetch(`${at.address}/api/v1/latest`, { signal: leave.signal });
    leave.abort();
    await promise;
    await expect(answer.text()).rejects.toThrow();
  });

  it("is not there where no hub is, takes only GET, and knows two requests", async () => {
    await using none = await serve();
    expect((await fetch(`${none.address}/api/v1/latest`)).status).toBe(404);
    await using at = await serve(async function* answer() {
      yield await Promise.resolve([]);
    });
    expect((await fetch(`${at.address}/api/v1/replay`)).status).toBe(404);
    expect((await fetch(`${at.address}/api/v1/latest`, { method: "POST" })).status).toBe(405);
  });
});
