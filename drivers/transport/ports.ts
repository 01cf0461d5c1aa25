/**
 * The serial ports of this machine, as Linux shows them: what to write into a configuration, which
 * adapter it is, who holds it, whether this user may open it, and what to do about each.
 *
 *   /sys/class/tty/NAME/device        a port with hardware behind it; `type` 0: none after all
 *   .../device/driver                 its driver
 *   .. upwards: idVendor, product …   the USB adapter
 *   /dev/serial/by-id, by-path        names that stay
 *   /proc/PID/fd                      who holds it, as far as this user may look
 *
 * Limits: 256 ports, 4,096 processes of 1,024 files each.
 */
import { basename, dirname, join } from "node:path";

/** What is looked at; a test hands in another machine. */
export interface SystemFiles {
  /** Names in a folder, sorted; none when it is not there. */
  list(path: string): Promise<readonly string[]>;
  /** The text of a small file, trimmed. */
  text(path: string): Promise<string | undefined>;
  /** Where a path leads, all links followed. */
  real(path: string): Promise<string | undefined>;
  owner(path: string): Promise<FileOwner | undefined>;
}

export interface FileOwner {
  /** Permission bits: 0o660. */
  readonly mode: number;
  readonly user: number;
  readonly group: number;
}

/** Who runs this program. */
export interface SystemUser {
  readonly name: string;
  readonly id: number;
  readonly groups: readonly number[];
}

export interface SerialPortFacts {
  /** What to write as `port`: the name that survives replugging, else the device. */
  readonly port: string;
  /** `/dev/ttyUSB0`. */
  readonly device: string;
  readonly byId: string | undefined;
  readonly byPath: string | undefined;
  readonly driver: string | undefined;
  readonly maker: string | undefined;
  readonly product: string | undefined;
  readonly serial: string | undefined;
  /** `0403:6001`. */
  readonly usb: string | undefined;
  /** Programs that have it open: `mbpoll (4711)`. */
  readonly holders: readonly string[];
  readonly usable: boolean;
  /** How long the adapter keeps bytes back; FTDI's has such a timer. @unit ms */
  readonly latency: number | undefined;
  /** What to do, as commands that can be copied. */
  readonly advice: readonly string[];
}

const portLimit = 256;
const processLimit = 4096;
const fileLimit = 1024;

/** USB devices lie at most this many folders above their port. */
const usbDepth = 6;

/** Above this a timer of an adapter costs more than the wire. @unit ms */
const quickLatency = 2;

/** Every port with hardware behind it, those with names that stay first. */
export async function serialPorts(
  files: SystemFiles,
  user: SystemUser,
): Promise<SerialPortFacts[]> {
  const names = await files.list("/sys/class/tty");
  const links = {
    id: await linksIn(files, "/dev/serial/by-id"),
    path: await linksIn(files, "/dev/serial/by-path"),
  };
  const real: string[] = [];
  for (const name of names) {
    if (real.length < portLimit && (await hasHardware(files, name))) real.push(name);
  }
  if (real.length === 0) return [];
  const holders = await holdersOf(files, new Set(real.map((name) => `/dev/${name}`)));
  const groups = await groupNames(files);
  const ports: SerialPortFacts[] = [];
  for (const name of real) {
    const device = `/dev/${name}`;
    const held = holders.get(device) ?? [];
    const byId = links.id.get(device);
    const byPath = links.path.get(device);
    ports.push(await factsOf(files, { name, device, byId, byPath, held, user, groups }));
  }
  return ports.toSorted(
    (a, b) =>
      Number(a.usb === undefined) - Number(b.usb === undefined) ||
      a.device.localeCompare(b.device, "en", { numeric: true }),
  );
}

/** A name of a port that survives replugging, for a device that was given by its number. */
export async function stableName(files: SystemFiles, port: string): Promise<string> {
  if (port.startsWith("/dev/serial/")) return port;
  const device = (await files.real(port)) ?? port;
  const byId = (await linksIn(files, "/dev/serial/by-id")).get(device);
  return byId ?? (await linksIn(files, "/dev/serial/by-path")).get(device) ?? port;
}

async function hasHardware(files: SystemFiles, name: string): Promise<boolean> {
  const folder = `/sys/class/tty/${name}`;
  if ((await files.real(`${folder}/device`)) === undefined) return false;
  // The driver of old PC ports makes four, whether there are any or not.
  return (await files.text(`${folder}/type`)) !== "0";
}

interface Found {
  readonly name: string;
  readonly device: string;
  readonly byId: string | undefined;
  readonly byPath: string | undefined;
  readonly held: readonly string[];
  readonly user: SystemUser;
  readonly groups: ReadonlyMap<number, string>;
}

async function factsOf(files: SystemFiles, found: Found): Promise<SerialPortFacts> {
  const { name, device, byId, byPath, held } = found;
  const folder = `/sys/class/tty/${name}/device`;
  const hardware = await files.real(folder);
  const driver = await driverAbove(files, folder, hardware);
  const usb = await usbAbove(files, hardware);
  const timer = `/sys/bus/usb-serial/devices/${name}/latency_timer`;
  const latency = numberIn(await files.text(timer));
  const owner = await files.owner(device);
  const usable = owner !== undefined && mayUse(owner, found.user);
  return {
    port: byId ?? byPath ?? device,
    device,
    byId,
    byPath,
    driver,
    ...usb,
    holders: held,
    usable,
    latency,
    advice: [
      ...accessAdvice(owner, found),
      ...held.map((holder) => `stop ${holder}: only one program can read a bus`),
      ...latencyAdvice(latency, timer),
    ],
  };
}

/** Newer kernels put a layer of their own between a port and its driver. */
const layers: ReadonlySet<string> = new Set(["port", "ctrl"]);

/** The driver of a port, or of what it is a part of. */
async function driverAbove(
  files: SystemFiles,
  port: string,
  hardware: string | undefined,
): Promise<string | undefined> {
  let folder = port;
  let above = hardware ?? "/";
  for (let depth = 0; depth < usbDepth && folder !== "/"; depth += 1) {
    const driver = basename((await files.real(join(folder, "driver"))) ?? "");
    if (driver !== "" && !layers.has(driver)) return driver;
    above = dirname(above);
    folder = above;
  }
  return undefined;
}

interface UsbFacts {
  readonly maker: string | undefined;
  readonly product: string | undefined;
  readonly serial: string | undefined;
  readonly usb: string | undefined;
}

/** The USB device that a port belongs to. */
async function usbAbove(files: SystemFiles, port: string | undefined): Promise<UsbFacts> {
  let folder = port ?? "/";
  for (let depth = 0; depth < usbDepth && folder !== "/"; depth += 1) {
    const vendor = await files.text(join(folder, "idVendor"));
    if (vendor !== undefined) {
      const id = await files.text(join(folder, "idProduct"));
      return {
        maker: await files.text(join(folder, "manufacturer")),
        product: await files.text(join(folder, "product")),
        serial: await files.text(join(folder, "serial")),
        usb: `${vendor}:${id ?? "?"}`,
      };
    }
    folder = dirname(folder);
  }
  return { maker: undefined, product: undefined, serial: undefined, usb: undefined };
}

/** As the kernel decides: the owner's bits, else the group's, else everybody's; root always. */
function mayUse({ mode, user, group }: FileOwner, who: SystemUser): boolean {
  if (who.id === 0) return true;
  const shift = user === who.id ? 6 : who.groups.includes(group) ? 3 : 0;
  return ((mode >> shift) & 0o6) === 0o6;
}

function accessAdvice(
  owner: FileOwner | undefined,
  { device, user, groups }: Found,
): readonly string[] {
  if (owner === undefined) return [`${device} is not there: is this a container? pass it in`];
  if (mayUse(owner, user)) return [];
  const group = groups.get(owner.group);
  const shared = ((owner.mode >> 3) & 0o6) === 0o6 && owner.group !== 0 && group !== undefined;
  if (shared) return [`sudo usermod -aG ${group} ${user.name}, then log in again`];
  const rule = 'SUBSYSTEM=="tty", SUBSYSTEMS=="usb", GROUP="dialout", MODE="0660"';
  return [
    `echo '${rule}' | sudo tee /etc/udev/rules.d/60-rackstreet.rules && ` +
      "sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=tty && " +
      `sudo usermod -aG dialout ${user.name}, then log in again`,
  ];
}

function latencyAdvice(latency: number | undefined, timer: string): readonly string[] {
  if (latency === undefined || latency <= quickLatency) return [];
  const rule =
    'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"';
  return [
    `each answer waits up to ${latency} ms in the adapter: echo 1 | sudo tee ${timer}`,
    `for good: echo '${rule}' | sudo tee /etc/udev/rules.d/61-rackstreet-latency.rules`,
  ];
}

/** Device → the link that leads to it. */
async function linksIn(files: SystemFiles, folder: string): Promise<ReadonlyMap<string, string>> {
  const links = new Map<string, string>();
  for (const name of (await files.list(folder)).slice(0, portLimit)) {
    const device = await files.real(`${folder}/${name}`);
    if (device !== undefined && !links.has(device)) links.set(device, `${folder}/${name}`);
  }
  return links;
}

/** Device → the programs that have it open. Other users' show to root only. */
async function holdersOf(
  files: SystemFiles,
  devices: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string[]>> {
  const holders = new Map<string, string[]>();
  const processes = (await files.list("/proc")).filter((name) => /^\d+$/.test(name));
  for (const id of processes.slice(0, processLimit)) {
    const open = new Set<string>();
    for (const file of (await files.list(`/proc/${id}/fd`)).slice(0, fileLimit)) {
      const path = await files.real(`/proc/${id}/fd/${file}`);
      if (path !== undefined && devices.has(path)) open.add(path);
    }
    if (open.size === 0) continue;
    const name = (await files.text(`/proc/${id}/comm`)) ?? "?";
    for (const device of open) {
      holders.set(device, [...(holders.get(device) ?? []), `${name} (${id})`]);
    }
  }
  return holders;
}

async function groupNames(files: SystemFiles): Promise<ReadonlyMap<number, string>> {
  const lines = ((await files.text("/etc/group")) ?? "").split("\n");
  return new Map(
    lines.map((line): [number, string] => {
      const [name = "", , id = ""] = line.split(":");
      return [Number(id || Number.NaN), name];
    }),
  );
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : undefined;
}
