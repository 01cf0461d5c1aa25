export * from "./document.ts";
export * from "./mqtt-version.ts";
export * from "./options.ts";
export * from "./profile.ts";
export * from "./profile-lines.ts";
export * from "./topology/index.ts";
export * from "./validate.ts";
export * from "./walk.ts";
