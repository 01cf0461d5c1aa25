export type { BridgeView } from "./bridge.ts";
export { Federation } from "./bridges.ts";
export type { FederationSetup } from "./bridges.ts";
export type { PeerLink, PeerLinkSetup } from "./contract.ts";
export { isSummary } from "./grants.ts";
export { pointOfPeer } from "./health.ts";
export * from "./options.ts";
