/** The listener exam, and what stations do on a real port: repeat, split, guess, flood. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { expect, it, vi } from "vitest";
import type { DriverContext, Heard } from "../../../drivers/contract.ts";
import { encodeFrame, FrameReader } from "../../../drivers/hj212/frame.ts";
import { hj212 } from "../../../drivers/hj212/index.ts";
import type { ListenerExam } from "../../contract/listener.ts";
import { listenerExam } from "../../contract/listener.ts";
import { freePort, takePort } from "../../ports.ts";
import { KeptLog } from "../../virtual.ts";
import { codeOf } from "../modbus/world.ts";
import { contextOf } from "../speaker.ts";

interface Sent {
  readonly station?: string;
  readonly number: number;
  readonly password?: string;
  readonly content?: string;
  readonly flag?: number;
  readonly parts?: string;
}

function dataFrame(sent: Sent): Uint8Array {
  const { station = "M1", number, password = "123456", flag = 5, parts = "" } = sent;
  const qn = String(20_260_101_000_000_000n + BigInt(number));
  const { content = `DataTime=${qn.slice(0, 14)};a34004-Rtd=${number % 500},a34004-Flag=N` } = sent;
  const facts = `QN=${qn};ST=22;CN=2011;PW=${password};MN=${station};Flag=${flag}`;
  return encodeFrame(`${facts};${parts}CP=&&${content}&&`);
}

async function call(port: number): Promise<Socket | undefined> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  return await Promise.race([
    once(socket, "connect").then(() => socket),
    once(socket, "close").then(() => undefined),
  ]).catch(() => undefined);
}

const exam: ListenerExam = {
  name: "hj212",
  kind: hj212,
  async start() {
    const port = await freePort();
    const taken = await takePort();
    const target = (port: number) => ({
      id: "station",
      options: { listen: `tcp://127.0.0.1:${port}`, station: "M1" },
      profile: undefined,
    });
    let number = 0;
    return {
      context: contextOf(),
      target: target(port),
      nowhere: target(taken.port),
      async speak() {
        const socket = await call(port);
        socket?.end(dataFrame({ number: (number += 1000) }));
      },
      [Symbol.asyncDispose]: () => taken[Symbol.asyncDispose](),
    };
  },
  // A port of our own does not break.
  impossible: ["cut"],
};

listenerExam(exam);

interface Caller extends AsyncDisposable {
  readonly heard: Heard[];
  readonly answers: string[];
  readonly socket: Socket;
  send(sent: Sent): void;
  reading(index: number): Heard["reading"] | undefined;
}

/** A driver that hears some stations, and one connection to it. */
async function rig(
  options: readonly Readonly<Record<string, unknown>>[],
  context: DriverContext = contextOf(),
): Promise<Caller & { readonly port: number }> {
  const port = await freePort();
  const driver = hj212.create(context);
  const abort = new AbortController();
  const heard: Heard[] = [];
  const answers: string[] = [];
  const listening: Promise<void>[] = [];
  for (const [index, more] of options.entries()) {
    const listen = `tcp://127.0.0.1:${port}`;
    const target = { id: `s${index}`, options: { listen, ...more }, profile: undefined };
    const session = await driver.open(target);
    if (session.listen === undefined) throw new Error("it does not listen");
    listening.push(session.listen((one) => heard.push(one), abort.signal));
  }
  const socket = await vi.waitFor(async () => {
    const socket = await call(port);
    if (socket === undefined) throw new Error("nobody listens");
    return socket;
  }, 10_000);
  const reader = new FrameReader();
  socket.on("data", (bytes) => {
    answers.push(...reader.accept(bytes).frames.map(({ data }) => data));
  });
  return {
    port,
    heard,
    answers,
    socket,
    send: (sent) => void socket.write(dataFrame(sent)),
    reading: (index) => heard[index]?.reading,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await Promise.all(listening);
      await driver[Symbol.asyncDispose]();
      socket.destroy();
    },
  };
}

const waitFor = (holds: () => void): Promise<void> => vi.waitFor(holds, 10_000);

it("what comes again is answered again, and heard once", async () => {
  await using caller = await rig([{ station: "M1" }]);
  caller.send({ number: 1 });
  caller.send({ number: 1 });
  caller.send({ number: 2 });
  await waitFor(() => expect(caller.answers).toHaveLength(3));
  expect(caller.heard).toHaveLength(2);
  expect(caller.heard[0]?.time).toBe(Date.parse("2025-12-31T16:00:00Z"));
});

it("who sends and hangs up at once is answered all the same", async () => {
  await using caller = await rig([{ station: "M1" }]);
  caller.socket.end(dataFrame({ number: 1 }));
  await once(caller.socket, "close");
  expect(caller.answers).toHaveLength(1);
  expect(caller.heard).toHaveLength(1);
});

it("a split message is answered packet by packet, and heard whole", async () => {
  await using caller = await rig([{ station: "M1" }]);
  const part = (packet: number, content: string): Sent => ({
    number: 7,
    flag: 7,
    parts: `PNUM=2;PNO=${packet};`,
    content,
  });
  caller.send(part(2, "a01001-Rtd=20.5,a01001-Flag=N"));
  await waitFor(() => expect(caller.answers).toHaveLength(1));
  expect(caller.heard).toHaveLength(0);
  caller.send(part(1, "DataTime=20260101000000;a34004-Rtd=35,a34004-Flag=N"));
  await waitFor(() => expect(caller.answers).toHaveLength(2));
  expect(caller.reading(0)?.points[0]?.fields).toEqual({ temp_c: 20.5, pm25_ugm3: 35, q: 0 });
});

it("a time that cannot be true is not taken, and is a fault", async () => {
  await using caller = await rig([{ station: "M1" }]);
  for (const [number, time] of ["20360101000000", "20000101000000", "nonsense"].entries()) {
    caller.send({ number, content: `DataTime=${time};a34004-Rtd=1,a34004-Flag=N` });
  }
  await waitFor(() => expect(caller.heard).toHaveLength(3));
  expect(caller.heard.map(({ time }) => time)).toEqual([undefined, undefined, undefined]);
  expect(caller.reading(2)?.faults).toEqual([{ code: "E_VALUE", at: "DataTime" }]);
});

it("stations share a port; an unknown one gets no answer, and one line of log", async () => {
  const log = new KeptLog();
  await using caller = await rig([{ station: "M1" }, { station: "M2" }], { ...contextOf(), log });
  caller.send({ number: 1, station: "M3" });
  caller.send({ number: 2, station: "M3" });
  caller.send({ number: 3, station: "M2" });
  await waitFor(() => expect(caller.heard).toHaveLength(1));
  expect(caller.answers).toEqual([expect.stringContaining("MN=M2")]);
  const told = log.entries.filter(({ event }) => event === "station unknown");
  expect(told).toHaveLength(1);
});

it("a wrong password gets no answer, and is neither told nor logged", async () => {
  const log = new KeptLog();
  const options = { station: "M1", password: "right-one" };
  await using caller = await rig([options], { ...contextOf(), log });
  caller.send({ number: 1, password: "wrong-one" });
  caller.send({ number: 2, password: "right-one" });
  await waitFor(() => expect(caller.heard).toHaveLength(1));
  expect(caller.answers).toHaveLength(1);
  expect(caller.reading(0)?.faults).toEqual([{ code: "E_LOGIN", at: "PW" }]);
  expect(JSON.stringify([log.entries, caller.heard])).not.toMatch(/(right|wrong)-one/);
});

it("a wrong checksum is taken where the station is lenient, and counted", async () => {
  await using caller = await rig([{ station: "M1", checksum: "lenient" }, { station: "M2" }]);
  const broken = (station: string): string =>
    Buffer.from(dataFrame({ number: 1, station }))
      .toString("latin1")
      .replace(/....\r\n$/, "0000\r\n");
  caller.socket.write(`${broken("M2")}${broken("M1")}`);
  await waitFor(() => expect(caller.heard).toHaveLength(1));
  expect(caller.reading(0)?.faults).toEqual([
    { code: "E_DEVICE_FRAME", at: "frame" },
    { code: "E_DEVICE_FRAME", at: "frame" },
    { code: "E_DEVICE_FRAME", at: "checksum" },
  ]);
});

it("a flood is bounded: some is heard and answered, the rest must come again", async () => {
  await using caller = await rig([{ station: "M1" }]);
  for (let number = 0; number < 1000; number += 1) caller.send({ number: number * 1000 });
  caller.send({ number: 1, station: "M2" });
  await waitFor(() => expect(caller.heard.length).toBeGreaterThanOrEqual(200));
  caller.socket.end();
  await once(caller.socket, "close");
  expect(caller.heard.length).toBeLessThan(600);
  expect(caller.answers.length).toBe(caller.heard.length);
});

it("who sends only garbage is hung up", async () => {
  await using caller = await rig([{ station: "M1" }]);
  const closed = once(caller.socket, "close");
  caller.socket.on("error", () => undefined);
  caller.socket.write(Buffer.alloc(100_000, "x"));
  await closed;
  expect(caller.heard).toEqual([]);
});

it("a missing secret fails the listening, not a packet", async () => {
  await using driver = hj212.create(contextOf());
  const listen = `tcp://127.0.0.1:${await freePort()}`;
  const options = { listen, station: "M1", password: "${RACKSTREET_IS_NOT_SET}" };
  await using session = await driver.open({ id: "s", options, profile: undefined });
  const never = new AbortController().signal;
  const listening = session.listen?.(() => undefined, never) ?? Promise.resolve();
  expect(await codeOf(listening)).toBe("E_SECRET_MISSING");
});
