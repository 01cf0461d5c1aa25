/** `rackstreet ports`: the serial ports of this machine, and what keeps one from being used. */
import { listSerialPorts, serialPorts } from "../../drivers/index.ts";
import type { SerialPortFacts } from "../../drivers/index.ts";
import { defineCommand, jsonOption, print, printJson } from "../command.ts";
import { systemFiles, systemUser } from "../system-files.ts";
import { renderTable } from "../table.ts";

export const portsCommand = defineCommand({
  command: "ports",
  describe: "List serial ports: their lasting names, who holds them, what to fix",
  builder: (yargs) =>
    yargs
      .option("json", jsonOption)
      .example("$0 ports", "what to write as `port` in the configuration"),
  handler: async ({ json }) => {
    const ports =
      process.platform === "linux"
        ? await serialPorts(systemFiles, systemUser())
        : await listSerialPorts();
    if (json) printJson(ports);
    else print(ports.length === 0 ? nothing : shown(ports));
  },
});

const nothing = [
  "There is no serial port here.",
  "Plug in a USB adapter for RS-485 (FTDI, CH340, CP210x, PL2303) and run this again; in a",
  "container or virtual machine pass it in first (docker run --device /dev/ttyUSB0). A port on a",
  "network needs none: address: tcp://HOST:502, or rtu+tcp://HOST:PORT for a serial gateway.",
].join("\n");

function shown(ports: readonly SerialPortFacts[]): string {
  const rows = ports.map(({ port, device, driver, maker, product, serial, ...rest }) => [
    port,
    port === device ? "" : device,
    [maker, product, serial].filter((text) => text !== undefined).join(" ") || "?",
    driver ?? "?",
    rest.usable ? "yes" : "NO",
    rest.holders.join(", "),
  ]);
  const head = ["port", "device", "adapter", "driver", "usable", "held by"];
  const advice = ports.flatMap(({ device, advice }) => advice.map((line) => `${device}: ${line}`));
  const [first] = ports;
  const next = `Next: rackstreet scan --port ${first?.port}`;
  return [renderTable(head, rows), ...advice, next].join("\n");
}
