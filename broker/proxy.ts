/**
 * The PROXY protocol (haproxy.org, proxy-protocol.txt, 2020-03-05): a load balancer in front says
 * for whom it connects. Only from networks that the configuration names, and there it must.
 *
 *   version 1   PROXY TCP4 192.0.2.1 198.51.100.1 56324 1883\r\n          at most 107 bytes [2.1]
 *   version 2   0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A | 2x | family | length hi lo | addresses  [2.2]
 */
import { isIP } from "node:net";

/** What the first bytes of a connection say; `length` is how many of them are the header's. */
export type ProxyHeader =
  | { readonly kind: "more" }
  | { readonly kind: "bad" }
  | {
      readonly kind: "header";
      readonly length: number;
      /** For whom it connects; undefined when it connects for itself (a health check). */
      readonly remote: string | undefined;
    };

/** Longest header of version 1, its end included. [2.1] @unit bytes */
const longestText = 107;

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const fixedLength = 16;

/** Addresses and what may follow them: certificates of a client are never asked for. @unit bytes */
const longestBlock = 2048;

const more: ProxyHeader = { kind: "more" };
const bad: ProxyHeader = { kind: "bad" };

/** Reads the header out of all bytes that came so far. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const known = Math.min(bytes.length, signature.length);
  if (bytes.subarray(0, known).equals(signature.subarray(0, known))) {
    return bytes.length < fixedLength ? more : binaryHeader(bytes);
  }
  return textHeader(bytes);
}

function textHeader(bytes: Buffer): ProxyHeader {
  const start = "PROXY ";
  const text = bytes.subarray(0, longestText).toString("latin1");
  if (!start.startsWith(text.slice(0, start.length))) return bad;
  const end = text.indexOf("\r\n");
  if (end < 0) return bytes.length >= longestText ? bad : more;
  const [, family, source = "", target = "", ...ports] = text.slice(0, end).split(" ");
  const length = end + 2;
  if (family === "UNKNOWN") return { kind: "header", length, remote: undefined };
  const version = family === "TCP4" ? 4 : 6;
  const whole = ports.length === 2 && ports.every(isPort);
  if (family !== "TCP4" && family !== "TCP6") return bad;
  if (!whole || isIP(source) !== version || isIP(target) !== version) return bad;
  return { kind: "header", length, remote: source };
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

const commands = { local: 0x20, proxy: 0x21 } as const;
/** Family and transport: TCP over IPv4, TCP over IPv6, with the bytes of both addresses. [2.2] */
const families = { tcp4: 0x11, tcp6: 0x21 } as const;

function binaryHeader(bytes: Buffer): ProxyHeader {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const block = bytes.readUInt16BE(14);
  if (command !== commands.local && command !== commands.proxy) return bad;
  if (block > longestBlock) return bad;
  const length = fixedLength + block;
  if (bytes.length < length) return more;
  // What a receiver does not know connects for itself, as `LOCAL` does. [2.2]
  if (command === commands.local) return { kind: "header", length, remote: undefined };
  if (family === families.tcp4) {
    if (block < 12) return bad;
    return { kind: "header", length, remote: bytes.subarray(16, 20).join(".") };
  }
  if (family === families.tcp6) {
    if (block < 36) return bad;
    return { kind: "header", length, remote: longAddress(bytes.subarray(16, 32)) };
  }
  return { kind: "header", length, remote: undefined };
}

function longAddress(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  const text = groups.join(":");
  // In the form in which Node says addresses: the longest run of zeros left out.
  return URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1) ?? text;
}
