/** How links are entered: what belongs together is asked for together, wherever a link goes. */
import { describe, expect, test } from "vitest";
import { agentOptions } from "../../agent/index.ts";
import { validate, YamlFile } from "../../config/index.ts";

const url = "mqtts://elsewhere.example.org";

describe.each(["uplink", "sparkplug", "homeAssistant"])("%s", (link) => {
  const parse = (keys: object): unknown =>
    validate(
      agentOptions,
      new YamlFile("agent.yaml", JSON.stringify({ [link]: { url, ...keys } })),
    );

  test("takes a certificate with its key", () => {
    expect(() => parse({ cert: "a.pem", key: "a-key.pem" })).not.toThrow();
  });

  test.each(["cert", "key"])("refuses a %s alone", (name) => {
    expect(() => parse({ [name]: "a.pem" })).toThrow("belong together");
  });
});
