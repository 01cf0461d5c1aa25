/** Which error is whose fault: one resource's, or of all that is asked. */
import { GatewayError } from "../../telemetry/index.ts";

/** What the service answered, behind a refusal. */
export class ServiceStatus {
  readonly status: number;
  /** The login was refused, not a resource: asking for another would only try it again. */
  readonly ofLogin: boolean;

  constructor(status: number, ofLogin: boolean) {
    this.status = status;
    this.ofLogin = ofLogin;
  }
}

/** Stands behind an error after which the rest is not asked for: the service is silent. */
export const silent: unique symbol = Symbol("silent");

const ofPart: ReadonlySet<string> = new Set([
  "E_DEVICE_REFUSED",
  "E_DEVICE_FRAME",
  "E_DEVICE_TIMEOUT",
]);

/** Whether an error is of one resource: others may well be read. */
export function isOfPart(error: unknown): error is GatewayError {
  if (!(error instanceof GatewayError) || error.cause === silent) return false;
  const status = error.cause instanceof ServiceStatus ? error.cause : undefined;
  if (status?.ofLogin === true) return false;
  // A resource that this user may not see is E_LOGIN, too.
  return ofPart.has(error.code) || status?.status === 403;
}

/** Whether an error says that there is no such resource. */
export function isMissing(error: unknown): boolean {
  const cause = error instanceof GatewayError ? error.cause : undefined;
  return cause instanceof ServiceStatus && (cause.status === 404 || cause.status === 410);
}
