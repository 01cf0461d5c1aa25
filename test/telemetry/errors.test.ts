/** The one error class: what it says to a person, and what it never says. */
import { describe, expect, test } from "vitest";
import { Secret } from "../../config/index.ts";
import {
  assertNever,
  codes,
  explainError,
  GatewayError,
  invariant,
  messageOf,
  systemCode,
} from "../../telemetry/index.ts";

describe("a GatewayError", () => {
  test("carries verdict and remedy of its code, and its cause", () => {
    const cause = new TypeError("inner");
    const error = new GatewayError("E_STORE_DOWN", "no answer", { cause, retryAfterMs: 5 });
    expect(error).toMatchObject({ verdict: "retry", remedy: codes.E_STORE_DOWN.remedy, cause });
    expect(error.retryAfterMs).toBe(5);
    expect(error.name).toBe("GatewayError");
  });

  test("has no cause where none was given", () => {
    expect("cause" in new GatewayError("E_BUG", "x")).toBe(false);
  });

  test("is explained by code, message and remedy, without a stack", () => {
    const text = explainError(new GatewayError("E_CONNECT", "10.0.0.5:502: no answer"));
    expect(text).toBe(`E_CONNECT: 10.0.0.5:502: no answer\n  ${codes.E_CONNECT.remedy}`);
  });

  test("says nothing of its cause, where foreign texts may hold anything", () => {
    const cause = new Error("hunter2");
    expect(explainError(new GatewayError("E_UPLINK", "refused", { cause }))).not.toMatch(/hunter2/);
  });

  test("never shows a secret that was put into its message", () => {
    const password = new Secret("hunter2");
    const text = explainError(new GatewayError("E_UPLINK", `login as a with ${String(password)}`));
    expect(text).toContain("[redacted]");
    expect(text).not.toContain("hunter2");
  });
});

describe("any thrown value", () => {
  test("is explained: our own bugs with their stack", () => {
    expect(explainError(new TypeError("oops"))).toMatch(/TypeError: oops\n\s+at /);
    expect(explainError("oops")).toBe("oops");
    expect(explainError(undefined)).toBe("undefined");
  });

  test("has a message in one line", () => {
    expect(messageOf(new Error("a"))).toBe("a");
    expect(messageOf(7)).toBe("7");
  });

  test("has a system code only when it is a text", () => {
    expect(systemCode(Object.assign(new Error("x"), { code: "ENOENT" }))).toBe("ENOENT");
    for (const other of [null, undefined, "ENOENT", { code: 5 }, {}]) {
      expect(systemCode(other)).toBeUndefined();
    }
  });
});

describe("rules of our own", () => {
  test("that are broken are our bug", () => {
    expect(() => invariant(false, "seq went back")).toThrow(/seq went back/);
    expect(() => invariant(true, "fine")).not.toThrow();
    const broken: unknown[] = [];
    try {
      invariant(false, "x");
    } catch (error) {
      broken.push(error);
    }
    expect(broken).toEqual([expect.objectContaining({ code: "E_BUG", verdict: "fatal" })]);
    expect(assertNever).toThrow(GatewayError);
  });

  test("each code says what it means and what to do next, in sentences", () => {
    for (const { means, remedy } of Object.values(codes)) {
      expect(means).toMatch(/^[A-Z].*\.$/);
      expect(remedy).toMatch(/^[A-Z].*[.)]$/);
    }
  });
});
