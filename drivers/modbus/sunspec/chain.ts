/**
 * The chain of models of a SunSpec device (SunSpec Device Information Model Specification,
 * "SUNSPEC"): the marker "SunS", then blocks, each with its model id and length in front.
 *
 *   | 5375 6e53 | id | length | length registers ... | id | length | ... | ffff | 0 |
 */
import type { Span } from "../pdu.ts";

/** Where a model's block is: at its id. */
export interface ModelBlock {
  readonly model: number;
  readonly at: number;
  /** Registers after id and length. */
  readonly length: number;
}

/** Where the marker may stand, in the order of how often it does. [SUNSPEC 6.1] */
export const chainStarts = [40_000, 0, 50_000] as const;

/** "SunS". [SUNSPEC 6.1] */
export const marker = [0x5375, 0x6e53] as const;

/** Ends the chain. [SUNSPEC 6.2] */
export const endModel = 0xffff;

/** No device has so many; one that seems to is read from where no chain is. */
const maxBlocks = 64;

/** What reads registers; undefined where the device has none. @throws what an exchange throws */
export type ReadRegisters = (span: Span) => Promise<Uint16Array | undefined>;

/** The blocks of a device, or undefined when it has no chain. @throws what `read` throws */
export async function walkChain(read: ReadRegisters): Promise<readonly ModelBlock[] | undefined> {
  for (const start of chainStarts) {
    const [high, low] = (await read(pair(start))) ?? [];
    if (high === marker[0] && low === marker[1]) return await walkBlocks(start + 2, read);
  }
  return undefined;
}

async function walkBlocks(from: number, read: ReadRegisters): Promise<readonly ModelBlock[]> {
  const blocks: ModelBlock[] = [];
  let at = from;
  while (blocks.length < maxBlocks && at + 2 <= 0x1_0000) {
    const [model = endModel, length = 0] = (await read(pair(at))) ?? [];
    if (model === endModel) break;
    blocks.push({ model, at, length });
    at += 2 + length;
  }
  return blocks;
}

function pair(at: number): Span {
  return { table: "holding", at, count: 2 };
}
