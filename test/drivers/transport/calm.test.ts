/** A sender that floods is slowed down, others are not. */
import { expect, it } from "vitest";
import { calm } from "../../../drivers/transport/calm.ts";
import type { ByteChannel } from "../../../drivers/transport/channel.ts";
import { VirtualClock } from "../../virtual.ts";

it("waits after a large piece for what it is worth, never after a small one", async () => {
  const clock = new VirtualClock();
  const held: boolean[] = [];
  let say: (bytes: Uint8Array) => void = () => undefined;
  const channel: ByteChannel = {
    write: () => undefined,
    onData: (listener) => {
      say = listener;
    },
    onClose: () => undefined,
    discardInput: () => undefined,
    hold: (on) => held.push(on),
    close: () => Promise.resolve(),
  };
  const heard: number[] = [];
  calm(channel, clock, 64_000).onData(({ length }) => heard.push(length));
  say(new Uint8Array(1000));
  expect(held).toEqual([]);
  say(new Uint8Array(32_000));
  expect(held).toEqual([true]);
  await clock.advance(499);
  expect(held).toEqual([true]);
  await clock.advance(1);
  expect(held).toEqual([true, false]);
  expect(heard).toEqual([1000, 32_000]);
});
