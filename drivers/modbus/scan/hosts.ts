/**
 * Hosts to look at, as a person writes them: one, a range of the last part, a range, or a network.
 *
 *   tcp://10.0.0.5   tcp://10.0.0.5-20   tcp://10.0.0.250-10.0.1.9   tcp://10.0.0.0/24:1502
 *   rtu+tcp://10.0.0.9:4001 (a transparent serial gateway; one host)
 *
 * Limits: a network of at most /22, 1,024 hosts in all.
 */
import type { Address } from "../../../config/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";

/** Hosts of all addresses together. */
export const hostLimit = 1024;

/** The largest network. @unit bits */
const shortestPrefix = 22;

/** The port registered for Modbus TCP. [MODBUS-TCP 4.3.1] */
const modbusPort = 502;

/** Every host that is meant, each once. @throws E_USAGE */
export function hostsOf(texts: readonly string[]): Address[] {
  const hosts = new Map<string, Address>();
  for (const address of texts.flatMap(hostsIn)) {
    hosts.set(`${address.scheme} ${address.host} ${address.port}`, address);
  }
  if (hosts.size <= hostLimit) return [...hosts.values()];
  throw new GatewayError("E_USAGE", `${hosts.size} hosts; one search takes ${hostLimit} at most`);
}

function hostsIn(text: string): Address[] {
  const match = /^(?:(tcp|rtu\+tcp):\/\/)?(\[[0-9a-f:.]+\]|[^\s:[\]]+?)(?::(\d{1,5}))?\/?$/i.exec(
    text,
  );
  const [, scheme = "tcp", host = "", portText = String(modbusPort)] = match ?? [];
  const port = Number(portText);
  const names = port >= 1 && port <= 65_535 ? namesIn(host) : undefined;
  if (match === null || names === undefined) throw unclear(text);
  return names.map((name) => ({ scheme, host: name, port }));
}

function unclear(text: string): GatewayError {
  const forms = "tcp://HOST[:PORT], tcp://10.0.0.5-20 or tcp://10.0.0.0/24";
  return new GatewayError("E_USAGE", `--address ${text}: write ${forms} (at most a /22)`);
}

function namesIn(host: string): string[] | undefined {
  if (host.startsWith("[")) return [host.slice(1, -1)];
  const [, first = "", prefix, last] =
    /^(\d+\.\d+\.\d+\.\d+)(?:\/(\d+)|-([\d.]+))?$/.exec(host) ?? [];
  if (first === "") return /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(host) ? [host] : undefined;
  const from = numberOf(first);
  if (from === undefined) return undefined;
  if (prefix !== undefined) return networkOf(from, Number(prefix));
  if (last === undefined) return [first];
  const to = numberOf(last.includes(".") ? last : first.replace(/\d+$/, last));
  return to === undefined || to < from || to - from >= hostLimit ? undefined : between(from, to);
}

/** Network and broadcast address are no hosts, except in networks of one or two. */
function networkOf(inside: number, prefix: number): string[] | undefined {
  if (prefix < shortestPrefix || prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  const from = Math.floor(inside / size) * size;
  return size <= 2 ? between(from, from + size - 1) : between(from + 1, from + size - 2);
}

function between(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => textOf(from + index));
}

function numberOf(text: string): number | undefined {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join(".");
}
