/** What a call rejects with whose caller has given it up. */
import { GatewayError } from "../../telemetry/index.ts";

export function cancelled(signal: AbortSignal): GatewayError {
  return new GatewayError("E_DISCONNECTED", "the request was cancelled", { cause: signal.reason });
}
