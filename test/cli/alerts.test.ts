/** `alerts test` tells of each notifier how it went, by a table, by JSON and by its exit code. */
import { describe, expect, test } from "vitest";
import { httpReceiver } from "../alerts/notifiers/receiver.ts";
import { openFolder, rackstreet } from "./run.ts";

describe("alerts test", () => {
  test("sends to each notifier and shows no secret", async () => {
    await using server = await httpReceiver();
    using folder = openFolder();
    const url = `http://127.0.0.1:${server.port}/key-in-path`;
    const good = `  chat: { kind: webhook, url: "${url}", secret: s3cret }\n`;
    folder.write("good.yaml", `notify:\n${good}`);
    const bad = `  siren: { kind: script, program: /no/such/program }\n`;
    folder.write("both.yaml", `notify:\n${good}${bad}`);
    const run = (...args: string[]) =>
      rackstreet(["alerts", "test", ...args], { cwd: folder.path });

    const sent = await run("-c", "good.yaml");
    expect(sent).toMatchObject({ code: 0, err: "" });
    expect(sent.out).toMatch(/chat +webhook +sent/);
    expect(server.posts).toHaveLength(1);
    expect(server.posts[0]?.body).toContain('"kind":"test"');

    const half = await run("-c", "both.yaml", "--json");
    expect(half.code).toBe(69);
    expect(JSON.parse(half.out)).toEqual([
      { notifier: "chat", kind: "webhook", sent: true },
      {
        notifier: "siren",
        kind: "script",
        sent: false,
        problem: "E_PROGRAM_MISSING: /no/such/program: is not there",
      },
    ]);

    server.answer(403);
    const refused = await run("chat", "-c", "both.yaml");
    expect(refused.code).toBe(69);
    expect(refused.out).toContain("E_NOTIFY_REFUSED");
    expect(refused.out + refused.err).not.toMatch(/key-in-path|s3cret/);

    const typo = await run("chatt", "-c", "both.yaml");
    expect(typo).toMatchObject({ code: 64 });
    expect(typo.err).toContain('did you mean "chat"?');
  }, 60_000);

  test("says so where nobody is named", async () => {
    using folder = openFolder();
    folder.write("site.yaml", "site: hall\n");
    const ended = await rackstreet(["alerts", "test", "-c", "site.yaml"], { cwd: folder.path });
    expect(ended).toMatchObject({ code: 78 });
    expect(ended.err).toContain("notify names nobody");
  }, 30_000);
});
