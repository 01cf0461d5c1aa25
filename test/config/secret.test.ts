/** A secret is revealed only when asked, and never printed by accident. */
import { Console } from "node:console";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { format, inspect } from "node:util";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { factsOf, Secret, secret, v, validate, YamlFile } from "../../config/index.ts";

const folder = mkdtempSync(join(tmpdir(), "rackstreet-secret-"));

afterEach(() => void vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(content: string): string {
  const path = join(folder, `${content.length}`);
  writeFileSync(path, content);
  return `file:${path}`;
}

describe("a secret", () => {
  test("prints as [redacted] however it is printed", () => {
    const password = new Secret("hunter2");
    const stream = new PassThrough();
    new Console(stream).log(password, { nested: [password] });
    const printed = [
      String(password),
      [password, password].join(" "),
      JSON.stringify({ password }),
      inspect({ deep: { deeper: { password } } }, { depth: 9, showHidden: true }),
      format("%s %o %j", password, password, password),
      String(stream.read()),
      Object.entries(password).join(","),
    ];
    for (const text of printed) expect(text).not.toContain("hunter2");
    for (const text of printed.slice(0, -1)) expect(text).toContain("[redacted]");
  });

  test("comes from the environment", () => {
    vi.stubEnv("RACKSTREET_TEST_SECRET", "from-env");
    expect(new Secret("${RACKSTREET_TEST_SECRET}").reveal()).toBe("from-env");
  });

  test("is the first line of a file", () => {
    expect(new Secret(fileOf("from-file\nand a note\n")).reveal()).toBe("from-file");
    expect(new Secret(fileOf("from-windows\r\n")).reveal()).toBe("from-windows");
  });

  test("may be the text itself", () => {
    expect(new Secret("plain $text {x}").reveal()).toBe("plain $text {x}");
  });

  test.each([
    ["an unset variable", "${RACKSTREET_TEST_UNSET}", /variable RACKSTREET_TEST_UNSET is not set/],
    ["a file that is not there", "file:/nowhere/at/all", /file \/nowhere\/at\/all cannot be read/],
    ["a folder", `file:${folder}`, /cannot be read/],
    ["an empty file", fileOf("\n"), /first line of secret file .* is empty/],
  ])("%s is E_SECRET_MISSING, and says which", (_what, source, message) => {
    const error = thrown(() => new Secret(source).reveal());
    expect(error).toMatchObject({ code: "E_SECRET_MISSING" });
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
  });

  test("an empty variable is a missing one", () => {
    vi.stubEnv("RACKSTREET_TEST_SECRET", "");
    const error = thrown(() => new Secret("${RACKSTREET_TEST_SECRET}").reveal());
    expect(error).toMatchObject({ code: "E_SECRET_MISSING" });
  });
});

describe("the option for a secret", () => {
  const schema = v.strictObject({ password: secret });

  test("wraps what the file says", () => {
    const { password } = v.parse(schema, { password: "hunter2" });
    expect(password).toBeInstanceOf(Secret);
    expect(password.reveal()).toBe("hunter2");
  });

  test("is marked, so that pages and logs know it", () => {
    expect(factsOf(secret).secret).toBe(true);
  });

  test.each(["password: 19283746", "password: [hunter2]", "password: {a: hunter2}"])(
    "a complaint about `%s` does not repeat it",
    (source) => {
      const error = thrown(() => validate(schema, new YamlFile("a.yaml", source)));
      expect(String(error)).toContain("a.yaml:1:11: password: must be ${NAME}, file:/path");
      expect(inspect(error, { depth: 9 })).not.toMatch(/19283746|hunter2/);
    },
  );
});

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
