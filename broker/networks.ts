/** Networks as they are written down: `10.0.0.0/8`, `fd00::/8`, or one address. */
import { BlockList, isIP } from "node:net";
import type { Schema } from "../config/index.ts";
import { v } from "../config/index.ts";

/** A network in its text, which is known to be one. */
export const network: Schema<string> = v.pipe(
  v.string(),
  v.check((text) => parsed(text) !== undefined, "write a network: 10.0.0.0/8, fd00::/8"),
);

interface Network {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

function parsed(text: string): Network | undefined {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  if (version === 0 || rest.length > 0) return undefined;
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most)) return undefined;
  return {
    address,
    bits: bits === undefined ? most : Number(bits),
    family: version === 4 ? "ipv4" : "ipv6",
  };
}

/** Whether an address lies in one of these networks. */
export function membership(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of networks) {
    const { address, bits, family } = parsed(text) ?? { address: "", bits: 0, family: "ipv4" };
    if (address !== "") list.addSubnet(address, bits, family);
  }
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
  };
}
