/** The profiles that ship, parsed, for the tests that look at all of them. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { YamlFile } from "../config/index.ts";
import { profileSchema, readYaml, validate } from "../config/index.ts";
import type { ModbusProfile } from "../drivers/modbus/profile.ts";
import { modbusProfile } from "../drivers/modbus/profile.ts";
import { isSunSpec, layOut } from "../drivers/modbus/sunspec/resolve.ts";

const folder = join(import.meta.dirname, "../config/profiles/modbus");
const form = profileSchema("modbus", modbusProfile);

/** Names of the files, in order. */
export const profileNames: readonly string[] = (await readdir(folder)).toSorted();

export const profileFiles = new Map<string, YamlFile>();
for (const name of profileNames) profileFiles.set(name, await readYaml(join(folder, name)));

/** The profile in a file of that name, as it is written. */
export function shippedProfile(name: string): ModbusProfile {
  const file = profileFiles.get(name);
  if (file === undefined) throw new Error(`no profile ${name}`);
  return validate(form, file);
}

/** The same with addresses, which only a device's chain of models says of a SunSpec profile. */
export function placedProfile(name: string): ModbusProfile {
  const profile = shippedProfile(name);
  return isSunSpec(profile) ? layOut(profile).profile : profile;
}
