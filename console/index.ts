export type { Api, ApiCall } from "./api.ts";
export * from "./exposition.ts";
export * from "./options.ts";
export * from "./server.ts";
export { capacityDashboard } from "./grafana/capacity.ts";
export type { Dashboard } from "./grafana/dashboard.ts";
export { shippedDashboards } from "./grafana/shipped.ts";
