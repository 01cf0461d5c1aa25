/** `broker.redis` as it is written, and what it does not go with. */
import { describe, expect, it } from "vitest";
import { brokerOptions } from "../../broker/options.ts";
import { v } from "../../config/index.ts";

function problems(section: object): string[] {
  const parsed = v.safeParse(brokerOptions, section);
  return parsed.issues?.map(({ message }) => message) ?? [];
}

describe("broker.redis", () => {
  const redis = { url: "rediss://redis.example.org", password: "redis-secret" };

  it("has the usual ports, and a password that is not printed", () => {
    const { redis: given } = v.parse(brokerOptions, { redis });
    expect(given).toMatchObject({ url: { scheme: "rediss", port: 6380 }, database: 0 });
    expect(given?.password?.reveal()).toBe("redis-secret");
    expect(JSON.stringify(given)).not.toContain("redis-secret");
    expect(problems({ redis: { url: "http://redis.example.org" } })[0]).toContain("redis://");
  });

  it("goes neither with a broker elsewhere nor with an authority of the hub's own", () => {
    const outside = { url: "mqtt://broker.example.org" };
    expect(problems({ redis, outside })).toEqual([expect.stringContaining("`outside`")]);
    const listen = ["mqtts://127.0.0.1:8883"];
    expect(problems({ redis, listen, enroll: {} })).toEqual([
      expect.stringContaining("`tls.clientCa`"),
    ]);
  });
});
