/**
 * An agent for v1 and v2c that answers from a walk: lines of `OID|TYPE|VALUE` as snmprec files have
 * them. What it refuses and when it keeps silent is the test's to say.
 */
import { once } from "node:events";
import { createSocket } from "node:dgram";
import type { RemoteInfo } from "node:dgram";
import { compareOids } from "../../../drivers/snmp/oid.ts";
import { decodeAll, encode, integer, numberOf, oidBytes, oidOf } from "./ber.ts";

/** Values by name, encoded. */
export type Walk = ReadonlyMap<string, Buffer>;

/** Reads a walk; types are ASN.1 tags in decimal, an x after them: the value is hexadecimal. */
export function parseWalk(text: string): Map<string, Buffer> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [oid = "", type = "", ...rest] = line.split("|");
      return [oid, encodedValue(type, rest.join("|"))];
    }),
  );
}

function encodedValue(type: string, value: string): Buffer {
  const tag = Number.parseInt(type, 10);
  if (type.endsWith("x")) return encode(tag, Buffer.from(value, "hex"));
  if (tag === 0x04) return encode(tag, Buffer.from(value));
  if (tag === 0x06) return oidBytes(value);
  if (tag === 0x40) return encode(tag, Buffer.from(value.split(".").map(Number)));
  return integer(BigInt(value), tag);
}

export interface Asked {
  readonly kind: "get" | "next" | "bulk";
  readonly oids: readonly string[];
  readonly repetitions: number;
}

export interface Agent extends AsyncDisposable {
  readonly port: number;
  readonly address: string;
  walk: Walk;
  readonly asked: Asked[];
  community: string;
  /** What it does with a request besides answering it. */
  mood: "well" | "silent" | "garbage";
  /** Varbinds of an answer that are too big for it; v1 and GET say tooBig, GETBULK cuts. */
  most: number;
  /** Requests with more names than this get no answer at all. */
  deafAbove: number;
  /** Names that break it: genErr. */
  broken: string;
}

const pdus = { 0xa0: "get", 0xa1: "next", 0xa5: "bulk" } as const;
const endOfMib = Buffer.from([0x82, 0]);
const noSuchObject = Buffer.from([0x80, 0]);
const nothing = Buffer.from([0x05, 0]);

type Varbind = readonly [oid: string, value: Buffer];

export async function startAgent(walk: Walk): Promise<Agent> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  const agent: Agent = {
    port,
    address: `udp://127.0.0.1:${port}`,
    walk,
    asked: [],
    community: "public",
    mood: "well",
    most: 1000,
    deafAbove: 1000,
    broken: "",
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, "close");
    },
  };
  socket.on("message", (bytes, from) => {
    for (const answer of answersOf(agent, bytes)) send(answer, from);
  });
  const send = (bytes: Buffer, { port, address }: RemoteInfo): void => {
    socket.send(bytes, port, address);
  };
  return agent;
}

function answersOf(agent: Agent, bytes: Buffer): Buffer[] {
  const [message] = decodeAll(bytes);
  const [version, community, pdu] = decodeAll(message?.body ?? bytes);
  if (version === undefined || community === undefined || pdu === undefined) return [];
  if (community.body.toString() !== agent.community) return [];
  const kind = Object.entries(pdus).find(([tag]) => Number(tag) === pdu.tag)?.[1];
  const [id, , repetitions, list] = decodeAll(pdu.body);
  if (kind === undefined || id === undefined || list === undefined) return [];
  const oids = decodeAll(list.body).map(({ body }) => oidOf(decodeAll(body)[0]?.body ?? body));
  const count = kind === "bulk" ? numberOf(repetitions?.body ?? Buffer.alloc(0)) : 1;
  agent.asked.push({ kind, oids, repetitions: count });
  if (agent.mood === "silent" || oids.length > agent.deafAbove) return [];
  const { status, at, varbinds } = answer(agent, { kind, oids, repetitions: count }, version.body);
  const encoded = varbinds.map(([oid, value]) => encode(0x30, oidBytes(oid), value));
  const body = [encode(id.tag, id.body), integer(status), integer(at), encode(0x30, ...encoded)];
  const whole = encode(
    0x30,
    encode(version.tag, version.body),
    encode(community.tag, community.body),
    encode(0xa2, ...body),
  );
  if (agent.mood === "well") return [whole];
  return [Buffer.from("garbage"), whole.subarray(0, 20), Buffer.alloc(3, 0x30), whole];
}

function answer(agent: Agent, asked: Asked, version: Buffer) {
  const failed = (status: number, at: number) => {
    return { status, at, varbinds: asked.oids.map((oid): Varbind => [oid, nothing]) };
  };
  const bad = asked.oids.indexOf(agent.broken);
  if (bad >= 0) return failed(5, bad + 1);
  const isV1 = numberOf(version) === 0;
  if (asked.kind === "get") {
    if (asked.oids.length > agent.most) return failed(1, 0);
    const missing = asked.oids.findIndex((oid) => !agent.walk.has(oid));
    if (isV1 && missing >= 0) return failed(2, missing + 1);
    const varbinds = asked.oids.map((oid): Varbind => [oid, agent.walk.get(oid) ?? noSuchObject]);
    return { status: 0, at: 0, varbinds };
  }
  const names = [...agent.walk.keys()].toSorted(compareOids);
  const after = (oid: string) => names.find((name) => compareOids(name, oid) > 0);
  const varbinds: Varbind[] = [];
  let cursors = [...asked.oids];
  for (let round = 0; round < asked.repetitions; round += 1) {
    const next = cursors.map((oid): Varbind => {
      const name = after(oid);
      return name === undefined ? [oid, endOfMib] : [name, agent.walk.get(name) ?? nothing];
    });
    const ended = next.findIndex(([, value]) => value === endOfMib);
    if (isV1 && ended >= 0) return failed(2, ended + 1);
    varbinds.push(...next);
    cursors = next.map(([oid]) => oid);
  }
  if (varbinds.length > agent.most && asked.repetitions > 1) return failed(1, 0);
  return { status: 0, at: 0, varbinds };
}
