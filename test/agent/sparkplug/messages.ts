/** Messages made up from the codec's tables. */
import fc from "fast-check";
import type { Field, Form, Message, Scalar, Value } from "../../../agent/sparkplug/protobuf.ts";

const scalars: Readonly<Record<Scalar, fc.Arbitrary<Value>>> = {
  uint32: fc.nat(2 ** 32 - 1),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  float: fc.float({ noNaN: true }),
  double: fc.double({ noNaN: true }),
  bool: fc.boolean(),
  string: fc.string({ unit: "binary", maxLength: 12 }),
  bytes: fc.uint8Array({ maxLength: 12 }).map((bytes) => Uint8Array.from(bytes)),
};

/** Any message of a form, with at most `depth` levels of messages in it. */
export function messages(form: Form, depth: number): fc.Arbitrary<Message> {
  const fields = Object.entries(form()).filter(
    ([, { type }]) => depth > 0 || typeof type === "string",
  );
  const groups = Map.groupBy(fields, ([name, { oneof }]) => oneof ?? name);
  const parts = [...groups.values()].map((group) =>
    fc.option(fc.oneof(...group.map(([name, field]) => one(name, field, depth))), {
      nil: {},
      freq: 2,
    }),
  );
  if (parts.length === 0) return fc.constant({});
  return fc.tuple(...parts).map((made) => Object.assign({}, ...made));
}

function one(name: string, { type, repeated }: Field, depth: number): fc.Arbitrary<Message> {
  const value: fc.Arbitrary<Value> =
    typeof type === "function" ? messages(type, depth - 1) : scalars[type];
  if (repeated !== true) return value.map((made) => ({ [name]: made }));
  return fc.array(value, { minLength: 1, maxLength: 2 }).map((made) => ({ [name]: made }));
}
