export * from "./device.ts";
export * from "./entities.ts";
export * from "./entity.ts";
export * from "./models.ts";
export * from "./names.ts";
export * from "./unit-codes.ts";
