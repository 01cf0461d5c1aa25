/** Reason codes of MQTT 5 [MQTT5 2.4], and which of them says what the hub means. */
import type { CutReason } from "../counters.ts";
import type { FaultReason } from "../packets.ts";

export const reasons = {
  success: 0x00,
  withWill: 0x04,
  noSubscription: 0x11,
  unspecified: 0x80,
  malformed: 0x81,
  protocolError: 0x82,
  unsupportedVersion: 0x84,
  clientId: 0x85,
  badPassword: 0x86,
  notAuthorized: 0x87,
  unavailable: 0x88,
  busy: 0x89,
  shuttingDown: 0x8b,
  badAuthentication: 0x8c,
  keepAlive: 0x8d,
  takenOver: 0x8e,
  filterInvalid: 0x8f,
  topicInvalid: 0x90,
  receiveMaximum: 0x93,
  aliasInvalid: 0x94,
  tooLarge: 0x95,
  quota: 0x97,
  administrative: 0x98,
  noShared: 0x9e,
  noSubscriptionIds: 0xa1,
} as const;

/** What a client did that ends its connection. */
export interface Fault5 {
  /** As it is counted. */
  readonly reason: FaultReason;
  readonly code: number;
  /** In words, for the client. */
  readonly why?: string | undefined;
}

export function malformed(why: string): Fault5 {
  return { reason: "malformed", code: reasons.malformed, why };
}

export function protocolError(why: string): Fault5 {
  return { reason: "protocol", code: reasons.protocolError, why };
}

const ofCut: Readonly<Record<CutReason, number>> = {
  first_packet: reasons.protocolError,
  second_connect: reasons.protocolError,
  oversize: reasons.tooLarge,
  length: reasons.malformed,
  direction: reasons.protocolError,
  flags: reasons.malformed,
  text: reasons.malformed,
  topic: reasons.topicInvalid,
  packet_id: reasons.protocolError,
  qos: reasons.malformed,
  malformed: reasons.malformed,
  protocol: reasons.protocolError,
  client_id: reasons.clientId,
  authentication: reasons.badAuthentication,
  connect_timeout: reasons.unspecified,
  keepalive: reasons.keepAlive,
  egress: reasons.quota,
  broker: reasons.unspecified,
  redis: reasons.busy,
  revoked: reasons.administrative,
};

/** What a client is told when its connection is ended. */
export function reasonOfCut(reason: CutReason): number {
  return ofCut[reason];
}

/** By return code of a 3.1.1 CONNACK. */
const ofConnack = [
  reasons.success,
  reasons.unsupportedVersion,
  reasons.clientId,
  reasons.unavailable,
  reasons.badPassword,
  reasons.notAuthorized,
] as const;

export function reasonOfConnack(returnCode: number): number {
  return ofConnack[returnCode] ?? reasons.unspecified;
}
