/** Which addresses only programs on this machine reach. */
import type { Address } from "../config/index.ts";
import { addressText } from "../config/index.ts";

/** True for an address that only programs on this machine reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Without users, everyone who reaches a listener may write: that is for this machine alone. The
 * sentence about the first listener that breaks this, or undefined.
 */
export function openDoor(listen: readonly Address[], users: object): string | undefined {
  const open = listen.find(({ host }) => !isLoopback(host));
  if (open === undefined || Object.keys(users).length > 0) return undefined;
  return (
    `${addressText(open)} can be reached from other machines and broker.users is empty: ` +
    "add users, or listen on 127.0.0.1"
  );
}
