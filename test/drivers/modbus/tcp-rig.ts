/** The TCP line under virtual time; the other end of its connection is the test. */
import type { Exchange } from "../../../drivers/modbus/exchange.ts";
import { encodeMbap, MbapReader } from "../../../drivers/modbus/mbap.ts";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import {
  decodeReadReply,
  decodeReadRequest,
  encodeException,
  encodeRead,
  encodeReadReply,
} from "../../../drivers/modbus/pdu.ts";
import { TcpLine } from "../../../drivers/modbus/tcp-line.ts";
import type { ByteChannel } from "../../../drivers/transport/channel.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { settle, VirtualClock } from "../../virtual.ts";
import { never, valueAt } from "./world.ts";

/** @unit ms */
export const timeout = 1000;

export interface Sent {
  readonly id: number;
  readonly unit: number;
  readonly pdu: Uint8Array;
  /** @unit ms */
  readonly at: number;
  readonly connection: number;
}

/** A line whose other end is the test. */
export function bench() {
  const clock = new VirtualClock();
  const sent: Sent[] = [];
  let connection = 0;
  let refusal: GatewayError | undefined;
  let receive = (_bytes: Uint8Array): void => {};
  let end = (_reason: GatewayError): void => {};
  const open = (): ByteChannel => {
    connection += 1;
    const mine = connection;
    const reader = new MbapReader();
    return {
      write: (bytes) =>
        reader.cut(bytes, (id, unit, pdu) =>
          sent.push({ id, unit, pdu: pdu.slice(), at: clock.monotonic(), connection: mine }),
        ),
      onData: (listener) => {
        receive = (bytes) => {
          if (connection === mine) listener(bytes);
        };
      },
      onClose: (listener) => {
        end = listener;
      },
      discardInput: () => {},
      close: () => Promise.resolve(),
    };
  };
  const line = new TcpLine({
    name: "bench",
    connect: () => (refusal === undefined ? Promise.resolve(open()) : Promise.reject(refusal)),
    clock,
  });
  const table = {
    clock,
    line,
    sent,
    connections: () => connection,
    refuse: (error: GatewayError | undefined) => {
      refusal = error;
    },
    ask: (at: number, parts: Partial<Exchange> & { readonly count?: number } = {}) =>
      table.askUntil(never, at, parts),
    askUntil: (
      signal: AbortSignal,
      at: number,
      { count = 2, ...parts }: Partial<Exchange> & { readonly count?: number } = {},
    ): Promise<number[]> => {
      const span: Span = { table: "holding", at, count };
      const exchange = { unit: 1, pdu: encodeRead(span), timeout, pause: 0, ...parts };
      const answer = line.exchange(exchange, signal);
      return answer.then((reply) => [...decodeReadReply(span, reply)]);
    },
    hear: (bytes: Uint8Array) => receive(bytes),
    hangUp: () => end(new GatewayError("E_DISCONNECTED", "the other side hung up")),
    answer: (...requests: readonly (Sent | undefined)[]) => {
      receive(Buffer.concat(requests.map((request) => answerTo(request))));
    },
    /** Clean answers until so many may be outstanding; forgets what was sent for it. */
    async grow(size: number): Promise<void> {
      while (line.window.size < size) {
        const asked = Array.from({ length: line.window.size }, (_, n) => table.ask(n));
        await settle();
        table.answer(...sent.slice(-asked.length));
        await Promise.all(asked);
      }
      sent.length = 0;
    },
  };
  return table;
}

/** The right frame for a request; `parts` make it wrong. */
export function answerTo(
  request: Sent | undefined,
  parts: Partial<{ id: number; unit: number; pdu: Uint8Array }> = {},
): Uint8Array {
  if (request === undefined) throw new Error("nothing was sent");
  const { id = request.id, unit = request.unit, pdu = rightPdu(request) } = parts;
  return encodeMbap({ transaction: id, unit, pdu });
}

function rightPdu({ pdu }: Sent): Uint8Array {
  const span = decodeReadRequest(pdu);
  if (span === undefined) return encodeException(pdu, 1);
  return encodeReadReply(
    span,
    Array.from({ length: span.count }, (_, n) => valueAt(span.at + n)),
  );
}

/** What a device holds from an address on. */
export const values = (at: number): number[] => [valueAt(at), valueAt(at + 1)];
export const places = (sent: readonly Sent[]) => sent.map(({ pdu }) => decodeReadRequest(pdu)?.at);
