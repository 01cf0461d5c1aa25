/** Where a field of a device stands in its profile's file: `eastron-sdm630.yaml:61`. */
import { join } from "node:path";
import type { FieldLines } from "../config/index.ts";
import { fieldLinesOf, lineOfField, readYaml } from "../config/index.ts";
import { fieldLines } from "../config/profile-lines.gen.ts";
import type { Place } from "../drivers/index.ts";
import { isRecord } from "../telemetry/index.ts";
import type { ConfiguredDevice, LoadedConfig } from "./config.ts";
import { profileFilesIn, profileFolder } from "./config.ts";

interface LinedFile {
  /** Without its folder: nobody else needs to know where it lies. */
  readonly name: string;
  readonly lines: FieldLines;
}

/** The files of profiles, those of a folder of one's own before the built-in ones. */
export type LinedFiles = ReadonlyMap<string, LinedFile>;

/** @throws E_CONFIG_UNREADABLE, E_CONFIG */
export async function readLinedFiles({ file, config }: LoadedConfig): Promise<LinedFiles> {
  const files = new Map<string, LinedFile>();
  for (const [id, lines] of Object.entries(fieldLines))
    files.set(id, { name: `${id}.yaml`, lines });
  if (config.profiles === undefined) return files;
  const folder = profileFolder(file, config.profiles);
  for (const name of await profileFilesIn(folder)) {
    const yaml = await readYaml(join(folder, name));
    const id = isRecord(yaml.data) ? String(yaml.data["id"]) : "";
    files.set(id, { name, lines: fieldLinesOf(yaml) });
  }
  return files;
}

/** What tells the line of a device's fields; undefined for a device without a profile. */
export function lineTeller(
  { profile }: ConfiguredDevice,
  files: LinedFiles,
): ((place: Place) => string | undefined) | undefined {
  const file = profile && files.get(profile.id);
  if (profile === undefined || file === undefined) return undefined;
  return (place) => {
    const line = lineOfField(profile, file.lines, place);
    return line === undefined ? undefined : `${file.name}:${line}`;
  };
}
