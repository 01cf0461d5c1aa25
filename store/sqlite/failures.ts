/**
 * What goes wrong with the file, in the words of the contract. SQLite's result codes:
 * https://www.sqlite.org/rescode.html
 */
import { GatewayError, isRecord, messageOf } from "../../telemetry/index.ts";
import type { Failure } from "./messages.ts";

const sqlite = { busy: 5, readOnly: 8, io: 10, corrupt: 11, full: 13, cantOpen: 14, notADb: 26 };

const moveAway = "move the file away; a new one is made at the next start";

export function failureOf(error: unknown, path: string): Failure {
  if (error instanceof GatewayError) {
    const { code, message } = error;
    if (code === "E_QUERY" || code === "E_STORE_DOWN") return { code, message };
    if (code === "E_STORE_CONFIG") {
      const damaged = message.startsWith("the store's file is damaged");
      return { code, message: damaged ? `${path}: ${message}; ${moveAway}` : message };
    }
  }
  const said = messageOf(error);
  const result = isRecord(error) ? Number(error["errcode"] ?? 0) & 0xff : 0;
  switch (result) {
    case sqlite.full:
      return { code: "E_STORE_DOWN", message: `${path}: the disk is full` };
    case sqlite.busy:
    case sqlite.io:
      return { code: "E_STORE_DOWN", message: `${path}: ${said}` };
    case sqlite.corrupt:
    case sqlite.notADb:
      return { code: "E_STORE_CONFIG", message: `${path} is damaged (${said}): ${moveAway}` };
    case sqlite.readOnly:
    case sqlite.cantOpen: {
      const todo = "check that its folder exists and that this user may write there";
      return { code: "E_STORE_CONFIG", message: `${path}: ${said}; ${todo}` };
    }
    default:
      return systemFailure(error, path);
  }
}

/** The folder could not be made; anything else is our own bug. */
function systemFailure(error: unknown, path: string): Failure {
  const said = messageOf(error);
  const code = isRecord(error) ? error["code"] : undefined;
  if (code === "ENOSPC") return { code: "E_STORE_DOWN", message: `${path}: the disk is full` };
  const folder = code === "EACCES" || code === "EROFS" || code === "EEXIST" || code === "ENOTDIR";
  if (folder) return { code: "E_STORE_CONFIG", message: `${path}: ${said}` };
  return { code: "E_BUG", message: `${path}: ${said}` };
}
