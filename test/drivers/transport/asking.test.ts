/** Question and answer on a wire, under virtual time: late answers, noise, turns, breaks. */
import { describe, expect, it } from "vitest";
import { Asker } from "../../../drivers/transport/asking.ts";
import type { Question } from "../../../drivers/transport/asking.ts";
import type { ByteChannel } from "../../../drivers/transport/channel.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { settle, VirtualClock } from "../../virtual.ts";
import { codeOf, never } from "../modbus/world.ts";

/** A wire whose far end is the test. */
function rig({ reconnects = false, gap = 2 } = {}) {
  const clock = new VirtualClock();
  const events: string[] = [];
  let data: (bytes: Uint8Array) => void = () => {};
  let close: (reason: GatewayError) => void = () => {};
  let opened = 0;
  const channel: ByteChannel = {
    write: (bytes) => void events.push(`${clock.monotonic()} ${Buffer.from(bytes).toString()}`),
    onData: (listener) => {
      data = listener;
    },
    onClose: (listener) => {
      close = listener;
    },
    discardInput: () => {},
    setBreak: (on) => {
      events.push(`${clock.monotonic()} break ${on}`);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  const connect = (): Promise<ByteChannel> => {
    opened += 1;
    return Promise.resolve(channel);
  };
  const spec = { name: "wire", connect, reconnects, gap, quiet: 20, character: 1 };
  return {
    asker: new Asker(spec, clock),
    clock,
    events,
    say: (text: string) => data(Buffer.from(text)),
    hangUp: () => close(new GatewayError("E_DISCONNECTED", "gone")),
    opened: () => opened,
  };
}

/** Asks for the text that stands between `<` and `>`. */
function question(text: string, more: Partial<Question<string>> = {}): Question<string> {
  return {
    what: text,
    who: text[0] ?? "",
    bytes: Buffer.from(text),
    take: (received) => /<(.*?)>/.exec(Buffer.from(received).toString())?.[1],
    timeout: 100,
    most: 10,
    ...more,
  };
}

const ask = (asker: Asker, one: Question<string>, signal = never): Promise<string> =>
  asker.talk((talk) => talk.ask(one), signal);

describe("an answer", () => {
  it("comes in pieces, behind noise and echo", async () => {
    const { asker, clock, say } = rig();
    const answer = ask(asker, question("a?"));
    await clock.advance(5);
    for (const piece of ["a?", "~", "<4", "2>"]) {
      say(piece);
      await clock.advance(30);
    }
    expect(await answer).toBe("42");
  });

  it("that begins too late is a timeout, one that does not end is no frame", async () => {
    const { asker, clock, say } = rig();
    const silent = codeOf(ask(asker, question("a?")));
    await clock.advance(102);
    expect(await silent).toBe("E_DEVICE_TIMEOUT");
    const echoed = codeOf(ask(asker, question("b?")));
    await clock.advance(25);
    say("b?");
    await clock.advance(200);
    expect(await echoed).toBe("E_DEVICE_TIMEOUT");
    const cut = codeOf(ask(asker, question("c?")));
    await clock.advance(25);
    say("<4");
    await clock.advance(109);
    await settle();
    await clock.advance(1);
    expect(await cut).toBe("E_DEVICE_FRAME");
  });

  it("of more bytes than any answer has is no frame at once", async () => {
    const { asker, clock, say } = rig();
    const flooded = codeOf(ask(asker, question("a?")));
    await clock.advance(5);
    say("x".repeat(2000));
    expect(await flooded).toBe("E_DEVICE_FRAME");
  });

  it("that is late is never the next question's", async () => {
    const { asker, clock, events, say } = rig();
    const first = codeOf(ask(asker, question("a1")));
    await clock.advance(110);
    expect(await first).toBe("E_DEVICE_TIMEOUT");
    // The same device is left alone for its time, another is asked once the line is quiet.
    const other = ask(asker, question("b1"));
    await clock.advance(30);
    say("<b>");
    expect(await other).toBe("b");
    const again = ask(asker, question("a2"));
    await clock.advance(30);
    say("<late>");
    await clock.advance(100);
    say("<new>");
    expect(await again).toBe("new");
    expect(events.map((event) => event.split(" ")[1])).toEqual(["a1", "b1", "a2"]);
  });

  it("is not awaited for a question that only listens on", async () => {
    const { asker, clock, say } = rig();
    const both = asker.talk(async (talk) => {
      const first = await talk.ask(question("m!"));
      const second = await talk.ask(
        question("", { take: (all) => (Buffer.from(all).includes("|") ? "ready" : undefined) }),
      );
      return [first, second];
    }, never);
    await clock.advance(5);
    say("<1>|");
    expect(await both).toEqual(["1", "ready"]);
  });
});

describe("a wire", () => {
  it("has one turn at a time, in order, each after silence", async () => {
    const { asker, clock, events, say } = rig({ gap: 4 });
    const answers = Promise.all(["a", "b", "c"].map((text) => ask(asker, question(text))));
    for (let index = 0; index < 3; index += 1) {
      await clock.advance(10);
      say(`<${index}>`);
    }
    expect(await answers).toEqual(["0", "1", "2"]);
    expect(events).toEqual(["0 a", "14 b", "24 c"]);
  });

  it("lets one who is cancelled go, in its turn or before it", async () => {
    const { asker, clock, events, say } = rig();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = codeOf(ask(asker, question("a"), one.signal));
    const second = codeOf(ask(asker, question("b"), two.signal));
    const third = ask(asker, question("c"));
    await clock.advance(1);
    two.abort();
    expect(await second).toBe("E_DISCONNECTED");
    one.abort();
    expect(await first).toBe("E_DISCONNECTED");
    await clock.advance(30);
    say("<3>");
    expect(await third).toBe("3");
    expect(events.map((event) => event.at(-1))).toEqual(["a", "c"]);
  });

  it("that hangs up fails the question and is opened anew for the next", async () => {
    const { asker, clock, hangUp, opened, say } = rig();
    const first = codeOf(ask(asker, question("a")));
    await clock.advance(1);
    hangUp();
    expect(await first).toBe("E_DISCONNECTED");
    const second = ask(asker, question("b"));
    await clock.advance(30);
    say("<ok>");
    expect(await second).toBe("ok");
    expect(opened()).toBe(2);
  });

  it("over a network is given up after three unanswered questions", async () => {
    const { asker, clock, opened } = rig({ reconnects: true });
    for (const text of ["a", "b", "c", "d"]) {
      const unanswered = codeOf(ask(asker, question(text)));
      await clock.advance(130);
      expect(await unanswered).toBe("E_DEVICE_TIMEOUT");
    }
    expect(opened()).toBe(2);
  });

  it("that never falls silent is no frame", async () => {
    const { asker, clock, say } = rig();
    const first = ask(asker, question("a"));
    await clock.advance(1);
    say("<1>");
    await first;
    const second = codeOf(ask(asker, question("b")));
    for (let index = 0; index < 4000; index += 1) {
      say("x");
      await clock.advance(1);
    }
    expect(await second).toBe("E_DEVICE_FRAME");
  });

  it("is woken by a break when it was idle, and not when it was not", async () => {
    const { asker, clock, events, say } = rig({ gap: 0 });
    const wake = { idle: 75, hold: 15, rest: 10 };
    const first = ask(asker, question("a", { wake }));
    await clock.advance(40);
    say("<1>");
    await first;
    const second = ask(asker, question("b", { wake }));
    await clock.advance(1);
    say("<2>");
    await second;
    expect(events).toEqual(["0 break true", "15 break false", "25 a", "40 b"]);
  });

  it("closed while somebody asks rejects, then and after", async () => {
    const { asker, clock } = rig();
    const asked = codeOf(ask(asker, question("a")));
    await clock.advance(1);
    await asker[Symbol.asyncDispose]();
    expect(await asked).toBe("E_DISCONNECTED");
    expect(await codeOf(ask(asker, question("b")))).toBe("E_DISCONNECTED");
  });
});
