/**
 * The port that stations call, shared by all that are configured for it: a station is known by its
 * MN alone, whatever connection it comes over. One that nobody listens to gets no answer.
 */
import type { Clock, Log } from "../../telemetry/index.ts";
import type { Ear, OpenWay, Way } from "../transport/audience.ts";
import { calm } from "../transport/calm.ts";
import type { Caller } from "../transport/listen.ts";
import { listenTcp } from "../transport/listen.ts";
import type { TcpEndpoint } from "../transport/tcp.ts";
import { encodeFrame, FrameReader } from "./frame.ts";
import type { Segment } from "./segment.ts";
import { answerTo, parseSegment } from "./segment.ts";

/** One packet of a station. */
export interface Packet {
  readonly segment: Segment;
  /** Its checksum was right. */
  readonly valid: boolean;
  /** Broken frames and pieces of garbage on its connection since the packet before. */
  readonly broken: number;
  /** Tells the station that we have it, if it wants to know; once, whoever calls. */
  readonly answer: () => void;
}

export interface Mark {
  readonly station: string;
  readonly lenient: boolean;
}

export type Hj212Ear = Ear<Packet> & Mark;

const limits = { connections: 256, idle: 30 * 60_000, unsent: 64 * 1024 };

/** What one connection may send: a message of the standard has a thousand. @unit bytes a second */
const rate = 64 * 1024;

/** A connection that sends so much that is no frame is hung up. @unit bytes */
const garbageLimit = 64 * 1024;

/** Unknown stations told of in the log. */
const maxStrangers = 100;

export function hj212Way(
  endpoint: TcpEndpoint,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): OpenWay<Packet, Hj212Ear> {
  return async ({ heard, broken }) => {
    const way = new Hj212Way(heard, log);
    const port = await listenTcp(
      endpoint,
      {
        called: ({ channel, from }) => way.called({ channel: calm(channel, clock, rate), from }),
        broken,
      },
      limits,
    );
    return {
      joined: (ear) => way.joined(ear),
      left: (ear) => way.left(ear),
      close: () => port.close(),
    };
  };
}

class Hj212Way implements Omit<Way<Hj212Ear>, "close"> {
  readonly #heard: (packet: Packet) => void;
  readonly #log: Log;
  /** Bounded by the devices of the configuration. */
  readonly #ears = new Set<Hj212Ear>();
  readonly #strangers = new Set<string>();

  constructor(heard: (packet: Packet) => void, log: Log) {
    this.#heard = heard;
    this.#log = log;
  }

  joined(ear: Hj212Ear): void {
    this.#ears.add(ear);
  }

  left(ear: Hj212Ear): void {
    this.#ears.delete(ear);
  }

  called({ channel, from }: Caller): void {
    const believes = (data: string): boolean => {
      const station = parseSegment(data)?.station;
      return [...this.#ears].some((ear) => ear.lenient && ear.station === station);
    };
    const reader = new FrameReader(believes);
    let broken = 0;
    let garbage = 0;
    channel.onClose(() => undefined);
    channel.onData((bytes) => {
      const { frames, skipped } = reader.accept(bytes);
      garbage += skipped;
      if (skipped > 0) broken += 1;
      for (const { data, valid } of frames) {
        const segment = valid || believes(data) ? parseSegment(data) : undefined;
        if (segment === undefined) {
          broken += 1;
          garbage += data.length;
          continue;
        }
        garbage = 0;
        let answered = false;
        const answer = (): void => {
          const data = answered ? undefined : answerTo(segment);
          answered = true;
          if (data !== undefined) channel.write(encodeFrame(data));
        };
        if (this.#knows(segment, from)) this.#heard({ segment, valid, broken, answer });
        broken = 0;
      }
      if (garbage > garbageLimit) void channel.close();
    });
  }

  #knows({ station }: Segment, from: string): boolean {
    for (const ear of this.#ears) if (ear.station === station) return true;
    if (this.#strangers.size >= maxStrangers || this.#strangers.has(station)) return false;
    this.#strangers.add(station);
    const fields = { code: "E_CONFIG", station: station.slice(0, 64), from };
    this.#log.warn("station unknown", fields);
    return false;
  }
}
