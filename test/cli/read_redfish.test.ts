/** `rackstreet read` of a Redfish service: values with the property each comes from. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Mockup } from "../drivers/redfish/mockup.ts";
import { goldenTree } from "../drivers/redfish/world.ts";
import { rackstreet } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "rackstreet-redfish-"));
afterAll(() => rmSync(folder, { recursive: true }));

function site(url: string): string {
  const file = join(folder, "site.yaml");
  const device = `driver: redfish, url: "${url}", user: monitor, password: "\${BMC}", class: power`;
  writeFileSync(file, `site: here\nagent: {}\ndevices:\n  bmc-1: { ${device} }\n`);
  return file;
}

describe("read", () => {
  test("of a server shows values and where they stand, and logs out", async () => {
    await using mockup = await Mockup.start(goldenTree("newer_server"), { password: "secret" });
    const args = ["read", "bmc-1", "-c", site(mockup.url)];
    const { code, out, err } = await rackstreet(args, { env: { BMC: "secret" } });
    expect([code, err]).toEqual([0, ""]);
    const at = "/redfish/v1/Chassis/1U/EnvironmentMetrics#/PowerWatts/Reading";
    expect(out.replaceAll(/ +/g, " ")).toContain(`server power_w 412.5 W ${at} 412.5`);
    expect([mockup.logins, mockup.sessions]).toEqual([1, []]);
  });

  test("with the wrong password exits 78 and says what to do", async () => {
    await using mockup = await Mockup.start(goldenTree("newer_server"), { password: "secret" });
    const args = ["read", "bmc-1", "-c", site(mockup.url)];
    const { code, err } = await rackstreet(args, { env: { BMC: "guessed" } });
    expect(code).toBe(78);
    expect(err).toMatch(/E_LOGIN: 127\.0\.0\.1:\d+: POST \/redfish\/v1\/SessionService\/Sessions/);
    expect(err).not.toContain("guessed");
  });
});
