/** The Modbus profiles among all profiles. */
import { profileSchema, v } from "../../../config/index.ts";
import type { ModbusProfile } from "../profile.ts";
import { modbusProfile } from "../profile.ts";

const form = profileSchema("modbus", modbusProfile);

/** Those of a library that are Modbus profiles and have no mistake. */
export function modbusProfiles(library: ReadonlyMap<string, unknown>): ModbusProfile[] {
  return [...library.values()].flatMap((data) => {
    const parsed = v.safeParse(form, data);
    return parsed.success ? [parsed.output] : [];
  });
}
