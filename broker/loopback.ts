/** Doors that stand open to other machines. */
import type { Address } from "../config/index.ts";
import { addressText, isLoopback } from "../config/index.ts";

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
