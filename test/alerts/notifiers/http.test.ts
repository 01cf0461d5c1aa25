/** The notifiers that post: the exam, and what is their own. */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Notifier } from "../../../alerts/notifiers/contract.ts";
import { notifierOf } from "../../../alerts/notifiers/registry.ts";
import { clock } from "../../../cli/platform.ts";
import { GatewayError, isRecord } from "../../../telemetry/index.ts";
import { authority } from "../../certificates.ts";
import { eventNamed, messageOf, notifierExam } from "../../contract/notifier.ts";
import { httpReceiver } from "./receiver.ts";
import { parseNotify } from "./rig.ts";

const never = new AbortController().signal;

function notifier(yaml: string): Notifier {
  const { it: options } = parseNotify(`it: ${yaml}`);
  if (options === undefined) throw new Error("no notifier");
  return notifierOf(options, { clock });
}

const codeOf = async (work: Promise<void>): Promise<string> => {
  try {
    await work;
    return "taken";
  } catch (error) {
    return error instanceof GatewayError ? `${error.code}: ${error.message}` : String(error);
  }
};

notifierExam({
  name: "webhook",
  async start() {
    const server = await httpReceiver();
    const url = `http://127.0.0.1:${server.port}/hook/key-in-path`;
    return {
      notifier: notifier(`{ kind: webhook, url: "${url}", secret: s3cret, token: t0ken }`),
      received: () => server.posts.map(({ body }) => body),
      turn: (mood) => server.turn(mood),
      secrets: ["key-in-path", "s3cret", "t0ken"],
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
});

notifierExam({
  name: "alertmanager",
  async start() {
    const server = await httpReceiver();
    const url = `http://127.0.0.1:${server.port}/am/`;
    return {
      notifier: notifier(`{ kind: alertmanager, url: "${url}", user: u, password: passw0rd }`),
      received: () => server.posts.map(({ body }) => body),
      turn: (mood) => server.turn(mood),
      secrets: ["passw0rd"],
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
});

describe("webhook", () => {
  it("signs time and body, and says which message it is", async () => {
    await using server = await httpReceiver();
    const hook = notifier(
      `{ kind: webhook, url: "http://127.0.0.1:${server.port}/x?key=1", secret: abc }`,
    );
    await hook.send(messageOf([eventNamed("t1")]), never);
    const [post] = server.posts;
    const signature = String(post?.headers["x-rackstreet-signature"]);
    const [, seconds = "", code] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
    expect(Math.abs(Number(seconds) * 1000 - clock.now())).toBeLessThan(60_000);
    const own = createHmac("sha256", "abc").update(`${seconds}.${post?.body}`).digest("hex");
    expect(code).toBe(own);
    expect(post?.headers["x-rackstreet-id"]).toBe("m-id-t1-firing");
    expect(post?.headers["content-type"]).toBe("application/json");
    expect(post?.path).toBe("/x?key=1");
  });

  it("posts the form that the documentation shows", async () => {
    await using server = await httpReceiver();
    const hook = notifier(`{ kind: webhook, url: "http://127.0.0.1:${server.port}" }`);
    const message = { ...messageOf([eventNamed("t1")]), time: 5 };
    await hook.send(message, never);
    const body: unknown = JSON.parse(server.posts[0]?.body ?? "");
    const page = readFileSync("docs/notifying.md", "utf8");
    const shown: unknown = JSON.parse(/```json\n(\{[^`]*)```/.exec(page)?.[1] ?? "{}");
    expect(body).toEqual(shown);
  });

  it.each([
    [302, "E_NOTIFY"],
    [400, "E_NOTIFY_REFUSED"],
    [401, "E_NOTIFY_REFUSED"],
    [408, "E_NOTIFY"],
    [429, "E_NOTIFY"],
    [500, "E_NOTIFY"],
  ])("takes %i for %s and follows no redirect", async (status, code) => {
    await using server = await httpReceiver();
    await using elsewhere = await httpReceiver();
    server.answer(status, { location: `http://127.0.0.1:${elsewhere.port}/` });
    const hook = notifier(`{ kind: webhook, url: "http://127.0.0.1:${server.port}/secret-path" }`);
    const words = `127.0.0.1:${server.port} answered ${status}: words of the receiver`;
    expect(await codeOf(hook.send(messageOf([]), never))).toBe(`${code}: ${words}`);
    expect(elsewhere.posts).toEqual([]);
  });

  it("hears how long to wait", async () => {
    await using server = await httpReceiver();
    server.answer(429, { "retry-after": "120" });
    const hook = notifier(`{ kind: webhook, url: "http://127.0.0.1:${server.port}" }`);
    const sent = hook.send(messageOf([]), never);
    await expect(sent).rejects.toMatchObject({ retryAfterMs: 120_000 });
  });

  it("trusts an authority of your own, and nobody without", async () => {
    await using trust = await authority();
    const { cert, key } = await trust.certify("server");
    await using server = await httpReceiver({ cert: readFileSync(cert), key: readFileSync(key) });
    const url = `https://127.0.0.1:${server.port}`;
    const strict = notifier(`{ kind: webhook, url: "${url}" }`);
    expect(await codeOf(strict.send(messageOf([]), never))).toMatch(/^E_CERTIFICATE: /);
    expect(server.posts).toEqual([]);
    const trusting = notifier(`{ kind: webhook, url: "${url}", ca: "${trust.ca}" }`);
    await trusting.send(messageOf([]), never);
    expect(server.posts).toHaveLength(1);
  });

  it("tells a URL that is none without showing it", async () => {
    const hook = notifier("{ kind: webhook, url: not-a-url-but-secret }");
    const words = "E_CONFIG: the url of a webhook is no http:// or https:// URL";
    expect(await codeOf(hook.send(messageOf([]), never))).toBe(words);
  });
});

describe("alertmanager", () => {
  it("tells one alert by the same labels, firing and over", async () => {
    await using server = await httpReceiver();
    const one = notifier(`{ kind: alertmanager, url: "http://127.0.0.1:${server.port}" }`);
    await one.send(messageOf([eventNamed("t1")]), never);
    await one.send(messageOf([eventNamed("t1", "resolved")]), never);
    const [begin, end] = server.posts.map(({ body }) => firstOf(JSON.parse(body)));
    expect(begin?.["labels"]).toEqual({
      alertname: "rack-hot",
      severity: "warning",
      region: "local",
      org: "main",
      site: "hall-1",
      class: "thermal",
      device: "t1",
      zone: "h1",
      rack: "r1",
      sensor: "inlet",
    });
    expect(end?.["labels"]).toEqual(begin?.["labels"]);
    expect(end?.["startsAt"]).toBe(begin?.["startsAt"]);
    expect(Date.parse(String(begin?.["endsAt"]))).toBeGreaterThan(clock.now() + 200_000);
    expect(end?.["endsAt"]).toBe("2026-01-01T00:01:00.000Z");
    expect(server.posts[0]?.path).toBe("/api/v2/alerts");
  });
});

function firstOf(list: unknown): Readonly<Record<string, unknown>> | undefined {
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  return isRecord(first) ? first : undefined;
}
