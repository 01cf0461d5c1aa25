/** The list of serial ports, on machines made of paper. */
import { describe, expect, it } from "vitest";
import type { FileOwner, SystemFiles, SystemUser } from "../../../drivers/transport/ports.ts";
import { serialPorts, stableName } from "../../../drivers/transport/ports.ts";

interface Machine {
  readonly texts?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly owners?: Readonly<Record<string, FileOwner>>;
}

/** Folders are what the paths of texts and links need. */
function filesOf({ texts = {}, links = {}, owners = {} }: Machine): SystemFiles {
  const paths = [...Object.keys(texts), ...Object.keys(links)];
  return {
    list(folder) {
      const below = paths.filter((path) => path.startsWith(`${folder}/`));
      const names = below.map((path) => path.slice(folder.length + 1).split("/")[0] ?? "");
      return Promise.resolve([...new Set(names)].toSorted((a, b) => (a < b ? -1 : 1)));
    },
    text: (path) => Promise.resolve(texts[path]),
    real: (path) => Promise.resolve(links[path]),
    owner: (path) => Promise.resolve(owners[path]),
  };
}

const usb = "/sys/devices/pci0000:00/usb1/1-4";
const dialout = 20;
const engineer: SystemUser = { name: "anna", id: 1000, groups: [1000] };
const shared: FileOwner = { mode: 0o660, user: 0, group: dialout };

const ftdi: Machine = {
  texts: {
    "/sys/class/tty/tty1/dev": "4:1",
    "/sys/class/tty/ttyS0/type": "0",
    "/sys/class/tty/ttyS1/type": "4",
    "/sys/class/tty/ttyUSB0/dev": "188:0",
    [`${usb}/idVendor`]: "0403",
    [`${usb}/idProduct`]: "6001",
    [`${usb}/manufacturer`]: "FTDI",
    [`${usb}/product`]: "FT232R USB UART",
    [`${usb}/serial`]: "A50285BI",
    "/sys/bus/usb-serial/devices/ttyUSB0/latency_timer": "16",
    "/etc/group": "root:x:0:\ndialout:x:20:\nanna:x:1000:",
    "/proc/4711/comm": "mbpoll",
    "/proc/net/dev": "",
  },
  links: {
    "/sys/class/tty/ttyS0/device": "/sys/devices/platform/serial8250",
    "/sys/class/tty/ttyS1/device": "/sys/devices/pnp0/00:03/00:03:0/00:03:0.0",
    "/sys/class/tty/ttyS1/device/driver": "/sys/bus/serial-base/drivers/port",
    "/sys/devices/pnp0/00:03/00:03:0/driver": "/sys/bus/serial-base/drivers/ctrl",
    "/sys/devices/pnp0/00:03/driver": "/sys/bus/pnp/drivers/serial",
    "/sys/class/tty/ttyUSB0/device": `${usb}/1-4:1.0/ttyUSB0`,
    "/sys/class/tty/ttyUSB0/device/driver": "/sys/bus/usb-serial/drivers/ftdi_sio",
    "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0": "/dev/ttyUSB0",
    "/dev/serial/by-path/pci-0000:00:14.0-usb-0:4:1.0-port0": "/dev/ttyUSB0",
    "/proc/4711/fd/3": "/dev/ttyUSB0",
    "/proc/4711/fd/0": "/dev/null",
    "/dev/ttyUSB0": "/dev/ttyUSB0",
  },
  owners: { "/dev/ttyUSB0": shared, "/dev/ttyS1": shared },
};

describe("serial ports", () => {
  it("are told with adapter, lasting names, holders and remedies", async () => {
    const [port, ...others] = await serialPorts(filesOf(ftdi), engineer);
    expect(port).toMatchObject({
      port: "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
      device: "/dev/ttyUSB0",
      byPath: "/dev/serial/by-path/pci-0000:00:14.0-usb-0:4:1.0-port0",
      driver: "ftdi_sio",
      maker: "FTDI",
      product: "FT232R USB UART",
      serial: "A50285BI",
      usb: "0403:6001",
      holders: ["mbpoll (4711)"],
      usable: false,
      latency: 16,
    });
    expect(port?.advice[0]).toBe("sudo usermod -aG dialout anna, then log in again");
    expect(port?.advice[1]).toMatch(/^stop mbpoll \(4711\)/);
    expect(port?.advice[2]).toContain(
      "echo 1 | sudo tee /sys/bus/usb-serial/devices/ttyUSB0/latency_timer",
    );
    // A port without hardware and a console are none.
    expect(others.map(({ device, driver }) => [device, driver])).toEqual([
      ["/dev/ttyS1", "serial"],
    ]);
  });

  it.each<[string, SystemUser, FileOwner | undefined, RegExp | undefined]>([
    ["root", { name: "root", id: 0, groups: [0] }, shared, undefined],
    ["a member", { ...engineer, groups: [1000, dialout] }, shared, undefined],
    ["a stranger", engineer, { ...shared, mode: 0o666 }, undefined],
    ["the owner", engineer, { mode: 0o600, user: 1000, group: 0 }, undefined],
    [
      "a group that only reads",
      { ...engineer, groups: [dialout] },
      { ...shared, mode: 0o640 },

      /60-rackstreet\.rules.*usermod -aG dialout anna/,
    ],
    ["root's own", engineer, { mode: 0o600, user: 0, group: 0 }, /60-rackstreet\.rules/],
    ["nobody: no device file", engineer, undefined, /not there.*container/],
  ])("may be used: %s", async (_who, user, owner, advice) => {
    const owners = owner === undefined ? {} : { "/dev/ttyS1": owner };
    const quiet = { ...ftdi, owners, links: { ...ftdi.links } };
    const ports = await serialPorts(filesOf(quiet), user);
    const port = ports.find(({ device }) => device === "/dev/ttyS1");
    expect(port?.usable).toBe(advice === undefined);
    if (advice === undefined) expect(port?.advice).toEqual([]);
    else expect(port?.advice[0]).toMatch(advice);
  });

  it("are none on a machine without", async () => {
    const texts = { "/sys/class/tty/tty1/dev": "4:1", "/sys/class/tty/ptmx/dev": "5:2" };
    expect(await serialPorts(filesOf({ texts }), engineer)).toEqual([]);
    expect(await serialPorts(filesOf({}), engineer)).toEqual([]);
  });

  it("have a name that stays", async () => {
    const files = filesOf(ftdi);
    const lasting = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0";
    expect(await stableName(files, "/dev/ttyUSB0")).toBe(lasting);
    expect(await stableName(files, lasting)).toBe(lasting);
    expect(await stableName(files, "/dev/ttyS1")).toBe("/dev/ttyS1");
  });
});
