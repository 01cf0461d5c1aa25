/** What a device with JSON over HTTP may be given in the configuration, and in a profile. */
import type { Profile, Schema, Secret } from "../../config/index.ts";
import { interval, option, secret, size, text, v } from "../../config/index.ts";
import type { FieldForm, MappingRow, TimeForm } from "../mapping/options.ts";
import { mappingProfile, rows, sourceName, time } from "../mapping/options.ts";
import type { HttpDeviceOptions } from "../transport/http-options.ts";
import { httpDeviceOptions } from "../transport/http-options.ts";

/** Requests of one device. */
const maxRequests = 32;

const requestForm = v.strictObject({
  path: option(v.pipe(text, v.regex(/^\/[\x21-\x7e]*$/, "write a path: /api/status?id=0")), {
    about: "Path and query, after the path of the URL.",
    example: "/rpc/Shelly.GetStatus",
  }),
  method: v.optional(
    option(v.picklist(["GET", "POST"]), { about: "POST for devices that want it." }),
    "GET",
  ),
  body: v.optional(option(text, { about: "What is sent with POST.", example: '{"id":1}' })),
  every: v.optional(
    option(interval, { about: "Asked this seldom at most; else at the device's interval." }),
  ),
});

const requests = v.optional(
  option(v.pipe(v.record(sourceName, requestForm), v.maxEntries(maxRequests)), {
    about: "What to ask for, by a name that rows call with `from`; the URL alone when left out.",
  }),
  {},
);

const headerName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, "must be the name of a header"),
);

export const httpJsonOptions = {
  ...httpDeviceOptions,
  headers: v.optional(
    option(v.record(headerName, secret), {
      about: "Headers sent with each request; a value may be a secret.",
    }),
    {},
  ),
  maxAnswer: v.optional(option(size, { about: "Longest answer.", example: "1MiB" }), "256KiB"),
  requests,
  rows,
  time,
};

export type RequestForm = v.InferOutput<typeof requestForm>;

export interface HttpJsonOptions extends HttpDeviceOptions {
  readonly headers: Readonly<Record<string, Secret>>;
  /** @unit bytes */
  readonly maxAnswer: number;
  readonly requests: Readonly<Record<string, RequestForm>>;
  readonly rows?: readonly MappingRow[] | undefined;
  readonly time?: TimeForm | undefined;
}

export const httpJsonOptionsSchema: Schema<HttpJsonOptions> = v.object(httpJsonOptions);

export interface HttpJsonHeader {
  readonly requests: Readonly<Record<string, RequestForm>>;
  readonly time?: TimeForm | undefined;
}

export type HttpJsonProfile = Profile<HttpJsonHeader, FieldForm>;

const header: Schema<HttpJsonHeader> = v.optional(v.strictObject({ requests, time }), {});

export const httpJsonProfile = mappingProfile(header);
