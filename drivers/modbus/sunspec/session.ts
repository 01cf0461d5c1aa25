/**
 * A SunSpec device: its first read walks the chain of models, and what it finds is read from then
 * on like any other profile. A device that refuses all of it is walked again: its firmware may be
 * another.
 */
import type { Reading } from "../../../telemetry/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import type { Group, Origin, ReadPlan, Session, Trace } from "../../contract.ts";
import { decodeReadReply, encodeRead, ModbusException } from "../pdu.ts";
import type { Span } from "../pdu.ts";
import { groupName } from "../profile.ts";
import type { SessionParts } from "../session.ts";
import { ModbusSession } from "../session.ts";
import { cancelled } from "../turns.ts";
import { walkChain } from "./chain.ts";
import { layOut, resolve } from "./resolve.ts";

export class SunSpecSession implements Session {
  readonly groups: readonly Group[];
  readonly #parts: SessionParts;
  #inner: ModbusSession | undefined;
  readonly #ending = new AbortController();
  #released: Promise<void> | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const paces = new Set(parts.profile.points.map(({ every }) => every));
    this.groups = [...paces].map((every) => ({ name: groupName(every), every }));
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    const both = AbortSignal.any([signal, this.#ending.signal]);
    if (both.aborted) throw cancelled(both);
    const inner = (this.#inner ??= await this.#walk(both));
    try {
      return await inner.read(groups, signal, trace);
    } catch (error) {
      const refused = error instanceof GatewayError && error.code === "E_MODBUS_EXCEPTION";
      if (refused) this.#inner = undefined;
      throw error;
    }
  }

  origin(): Origin {
    return this.#inner?.origin() ?? { endpoint: this.#parts.endpoint, sources: [] };
  }

  /** Before its first read: as if it had the first model of each family, and no other. */
  plan(groups: readonly string[]): ReadPlan {
    const usual = (): ModbusSession => {
      const { profile } = layOut(this.#parts.profile);
      return new ModbusSession({ ...this.#parts, profile, memory: undefined });
    };
    return (this.#inner ?? usual()).plan(groups);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new GatewayError("E_DISCONNECTED", "the session was closed"));
    await this.#inner?.[Symbol.asyncDispose]();
    this.#released ??= this.#parts.release();
    await this.#released;
  }

  async #walk(signal: AbortSignal): Promise<ModbusSession> {
    const { profile, endpoint } = this.#parts;
    const blocks = await walkChain((span) => this.#registers(span, signal));
    const where = String(endpoint["address"] ?? endpoint["port"]);
    if (blocks === undefined) {
      const why = `${where} has no SunSpec marker at 40000, 0 or 50000; is it switched on there?`;
      throw new GatewayError("E_MODBUS_EXCEPTION", why);
    }
    const resolved = resolve(profile, blocks);
    if (resolved.points.length === 0) {
      const models = blocks.map(({ model }) => model).join(", ");
      const why = `${where} has the models ${models}; ${profile.id} reads none of them`;
      throw new GatewayError("E_MODBUS_EXCEPTION", why);
    }
    return new ModbusSession({ ...this.#parts, profile: resolved });
  }

  async #registers(span: Span, signal: AbortSignal): Promise<Uint16Array | undefined> {
    const { exchange, unit } = this.#parts;
    try {
      return decodeReadReply(span, await exchange({ ...unit, pdu: encodeRead(span) }, signal));
    } catch (error) {
      if (error instanceof ModbusException && error.verdict !== "retry") return undefined;
      throw error;
    }
  }
}
