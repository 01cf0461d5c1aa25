/**
 * Lets aedes and its codec keep less, where what they keep is of no use: a hub has thousands of
 * clients, most of which say little (`npm run -s bench -- idle`).
 */
import { writeToStream } from "mqtt-packet";
import { invariant } from "../telemetry/index.ts";

/** 65,536 buffers of two bytes each, one a number, made at the first packet: 8 MB. */
export function keepNoNumbers(): void {
  writeToStream.cacheNumbers = false;
}

/**
 * A client that was just taken on. Its bytes are gathered in a list that is a whole stream beside
 * it, which nothing uses as one: 1 kB. And it watches its connection for every way to end, one of
 * which a guard has: 1 kB. Call `close` of the client when its guard is closed.
 * @throws E_BUG when aedes is another
 */
export function lighten<Client extends object>(client: Client): Client {
  const parser = partOf(client, "_parser");
  const list: object = Object.create(Object.getPrototypeOf(partOf(parser, "_list")));
  Object.assign(list, { _bufs: [], length: 0 });
  Reflect.set(parser, "_list", list);
  const stopWatching: unknown = Reflect.get(client, "_eos");
  invariant(typeof stopWatching === "function", "aedes has no _eos");
  Reflect.apply(stopWatching, client, []);
  Reflect.set(client, "_eos", nothing);
  return client;
}

/**
 * A client that was answered: its parser keeps the whole CONNECT, with the password, for the
 * version alone.
 */
export function forgetHello(client: object, hellos: WeakMap<object, unknown>): void {
  hellos.delete(client);
  const parser = partOf(client, "_parser");
  const hello = partOf(parser, "settings");
  const { protocolVersion, bridgeMode } = { protocolVersion: 4, bridgeMode: false, ...hello };
  const known = versions.find(
    (one) => one.protocolVersion === protocolVersion && one.bridgeMode === bridgeMode,
  );
  if (known !== undefined) Reflect.set(parser, "settings", known);
}

const versions = [3, 4].flatMap((protocolVersion) =>
  [false, true].map((bridgeMode) => ({ protocolVersion, bridgeMode })),
);

const nothing = (): void => undefined;

function partOf(whole: object, name: string): object {
  const part: unknown = Reflect.get(whole, name);
  invariant(typeof part === "object" && part !== null, `aedes has no ${name}`);
  return part;
}
