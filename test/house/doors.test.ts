/**
 * One foreign library, one door: the single file that may import it, so that each could be
 * replaced in an afternoon. A dependency without a row here is not allowed in.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isRecord } from "../../telemetry/index.ts";
import { libraryOf, product, root } from "./tree.ts";

/** Library → the file, or the folder (with its `/`), that may import it. */
const doors: Readonly<Record<string, readonly string[]>> = {
  "@marcbachmann/cel-js": ["alerts/expression.ts"],
  "@rgrove/parse-xml": ["drivers/nvidia/xml.ts"],
  "@serialport/bindings-cpp": ["drivers/transport/serial.ts"],
  // Writes the editors' schema; nothing that ships needs it.
  "@valibot/to-json-schema": ["tools/gen/config.ts"],
  aedes: ["broker/hub.ts"],
  "aedes-persistence-redis": ["broker/redis/library.ts"],
  "cli-table3": ["cli/"],
  "fastest-levenshtein": ["config/validate.ts"],
  influx: ["store/influxdb1/client.ts"],
  ioredis: ["broker/redis/connection.ts"],
  "json-p3": ["drivers/mapping/path.ts"],
  "modbus-serial": ["drivers/modbus/simulator.ts"],
  mqemitter: ["broker/redis/emitter.ts"],
  "mqemitter-redis": ["broker/redis/wire.ts"],
  // The agent's link to its hub, and what drivers hear at other brokers.
  mqtt: ["agent/uplink.ts", "drivers/transport/mqtt.ts"],
  "mqtt-packet": ["broker/lean.ts"],
  "net-snmp": ["drivers/snmp/door.ts"],
  "node:sqlite": ["store/sqlite/worker.ts", "broker/keep/worker.ts", "store/sql.ts"],
  nodemailer: ["alerts/notifiers/smtp.ts"],
  pino: ["cli/platform.ts"],
  serialport: ["drivers/transport/serial.ts"],
  valibot: ["config/options.ts"],
  ws: ["broker/listeners.ts"],
  yaml: ["config/document.ts"],
  yargs: ["cli/"],
};

/** Comes with another library, at the version that one pins. */
const broughtAlong = ["@serialport/bindings-cpp", "mqtt-packet"];

describe("doors", () => {
  it("let each library in at one place", () => {
    const wrong = product.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => !specifier.startsWith("."))
        .map(libraryOf)
        .filter((library) => library in doors || !library.startsWith("node:"))
        .filter((library) => !doors[library]?.some((door) => path === door || isBelow(path, door)))
        .map((library) => `${path} imports ${library}`),
    );
    expect(wrong).toEqual([]);
  });

  it("stand for every product dependency, and for nothing else", () => {
    const manifest: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const dependencies = isRecord(manifest) ? manifest["dependencies"] : undefined;
    const named = Object.keys(isRecord(dependencies) ? dependencies : {}).toSorted();
    const rows = Object.keys(doors)
      .filter((library) => !library.startsWith("node:"))
      .filter((library) => !broughtAlong.includes(library));
    expect(rows.toSorted()).toEqual(named);
  });
});

function isBelow(path: string, folder: string): boolean {
  return folder.endsWith("/") && path.startsWith(folder);
}
