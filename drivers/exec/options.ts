/** What a device that a program reads may be given in the configuration, and in a profile. */
import type { Profile, Schema } from "../../config/index.ts";
import { duration, option, size, text, v, whole } from "../../config/index.ts";
import type { FieldForm, MappingRow, TimeForm } from "../mapping/options.ts";
import { mappingProfile, rows, time } from "../mapping/options.ts";
import type { TextFormat } from "../mapping/text.ts";
import { textFormats } from "../mapping/text.ts";

/** A name that PATH finds, or a whole path: what runs must not hang on where the agent started. */
const program = v.pipe(
  text,
  v.regex(/^(?:\/[^\0]+|[^/\0]+)$/, "write /the/whole/path of the program, or a name without /"),
  v.check((name) => !name.split("/").includes(".."), "the path must hold no .."),
);

const argument = v.pipe(v.string("write arguments as texts"), v.regex(/^[^\0]*$/, "holds a NUL"));

/** Arguments of a program. */
const maxArguments = 64;

const command = v.pipe(
  v.tupleWithRest([program], argument),
  v.maxLength(maxArguments, `at most ${maxArguments} words`),
);

const format = v.optional(
  option(v.picklist(textFormats), {
    about: "What it prints: json; lines of key=value; csv with a line of names.",
    example: "lines",
  }),
);

const separator = v.optional(
  option(v.pipe(text, v.maxLength(8)), {
    about: "Between key and value of a line, = when left out; between values of CSV, a comma.",
    example: ":",
  }),
);

export const execOptions = {
  command: option(command, {
    about: "Program and arguments, as a list; no shell reads them. Never a secret: all see them.",
  }),
  environment: v.optional(
    option(
      v.pipe(
        v.array(v.pipe(v.string(), v.regex(/^[A-Za-z_]\w*$/, "must be a variable's name"))),
        v.maxLength(32),
      ),
      { about: "Variables of the agent's environment that it sees, by name, beside PATH." },
    ),
    [],
  ),
  folder: v.optional(
    option(v.pipe(text, v.regex(/^\/[^\0]*$/, "write the whole path")), {
      about: "Where it runs; the agent's own folder when left out.",
      example: "/var/lib/sensors",
    }),
  ),
  timeout: v.optional(
    option(duration, { about: "Longest run; then it is killed.", example: "30s" }),
    "10s",
  ),
  maxOutput: v.optional(option(size, { about: "Longest output.", example: "1MiB" }), "256KiB"),
  exits: v.optional(
    option(v.pipe(v.array(whole(0, 255)), v.minLength(1)), {
      about: "Exit codes of a run that went well.",
    }),
    [0],
  ),
  format,
  separator,
  rows,
  time,
};

export interface ExecOptions {
  readonly command: readonly [string, ...string[]];
  readonly environment: readonly string[];
  readonly folder?: string | undefined;
  /** @unit ms */
  readonly timeout: number;
  /** @unit bytes */
  readonly maxOutput: number;
  readonly exits: readonly number[];
  readonly format?: TextFormat | undefined;
  readonly separator?: string | undefined;
  readonly rows?: readonly MappingRow[] | undefined;
  readonly time?: TimeForm | undefined;
}

export const execOptionsSchema: Schema<ExecOptions> = v.object(execOptions);

/** A profile says what an output means; which program runs stands in the configuration alone. */
export interface ExecHeader {
  readonly format?: TextFormat | undefined;
  readonly separator?: string | undefined;
  readonly time?: TimeForm | undefined;
}

export type ExecProfile = Profile<ExecHeader, FieldForm>;

const header: Schema<ExecHeader> = v.optional(v.strictObject({ format, separator, time }), {});

export const execProfile = mappingProfile(header);
