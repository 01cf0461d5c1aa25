/** Asking a Modbus TCP line for much at once, over real sockets, and checking every value. */
import { expect } from "vitest";
import { decodeReadReply, encodeRead } from "../../../drivers/modbus/pdu.ts";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import { TcpLine } from "../../../drivers/modbus/tcp-line.ts";
import { widest } from "../../../drivers/modbus/window.ts";
import { connectTcp } from "../../../drivers/transport/tcp.ts";
import { codeOf, never, realClock, valueAt } from "./world.ts";

/** What is asked of whom. */
export interface Asked {
  readonly unit: number;
  /** @unit ms */
  readonly timeout: number;
  /** What a register holds. */
  readonly value: (at: number) => number;
}

/** Patient: tests share a busy machine. @unit ms */
const usual: Asked = { unit: 1, timeout: 5000, value: valueAt };

export function lineTo(address: string): TcpLine {
  const endpoint = { host: "127.0.0.1", port: Number(new URL(address).port) };
  const connect = (signal: AbortSignal) => connectTcp(endpoint, signal);
  return new TcpLine({ name: address, connect, clock: realClock });
}

/** Reads ten registers and checks them; gives the code of what went wrong. */
export function read(line: TcpLine, at: number, asked: Partial<Asked> = {}): Promise<string> {
  const { unit, timeout, value } = { ...usual, ...asked };
  const span: Span = { table: "holding", at, count: 10 };
  const reply = line.exchange({ unit, pdu: encodeRead(span), timeout, pause: 0 }, never);
  const checked = reply.then((pdu) => {
    const expected = Array.from({ length: 10 }, (_, n) => value(at + n));
    expect([...decodeReadReply(span, pdu)]).toEqual(expected);
  });
  return codeOf(checked);
}

/** Asks for as many at once as a line ever sends, several times; gives all codes but `none`. */
export async function readMany(
  line: TcpLine,
  rounds: number,
  asked: Partial<Asked> = {},
): Promise<string[]> {
  const codes: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const at = (round * widest) % 180;
    const reads = Array.from({ length: widest }, (_, n) => read(line, at + n, asked));
    codes.push(...(await Promise.all(reads)));
  }
  return codes.filter((code) => code !== "none");
}

/** Rounds after which a line that may has opened its window as far as it goes. */
export const enough = 30;
