/** The UMB part of a profile: a field is a channel. */
import type { Profile, ProfileParts, Schema } from "../../config/index.ts";
import { option, v, whole } from "../../config/index.ts";
import type { NumberForm } from "../polled.ts";
import { numberForm } from "../polled.ts";
import { serialSettings } from "../transport/options.ts";
import { highestChannel } from "./channels.ts";

const headerForm = v.strictObject({
  serial: v.optional(option(serialSettings, { about: "Line settings as the maker ships it." })),
});

export interface UmbField extends NumberForm {
  readonly channel: number;
}

const field: Schema<UmbField> = v.strictObject({
  channel: option(whole(0, highestChannel), { about: "Channel number.", example: 100 }),
  ...numberForm,
});

type Header = v.InferOutput<typeof headerForm>;
const header: Schema<Header> = v.optional(headerForm, {});

export type UmbProfile = Profile<Header, UmbField>;
export const umbProfile: ProfileParts<Header, UmbField> = { header, field };
