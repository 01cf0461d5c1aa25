/**
 * The register image of a simulated device: the inverse of decoding. Values go in by measurement,
 * channel and field; registers come out. Addresses that no field names read as 0, or are illegal
 * when the image is strict.
 */
import type { Fields, FieldValue } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { FieldForm } from "./field.ts";
import { carriedRange, encodeField } from "./field.ts";
import type { Span, Table } from "./pdu.ts";
import type { ModbusProfile, PlacedField, Row } from "./profile.ts";
import { rowsOf } from "./profile.ts";
import { wordsOfPattern } from "./values.ts";

/** A field of a device: what a value is called. */
export interface FieldPlace {
  readonly measurement: string;
  /** Value of the channel tag, or empty. */
  readonly channel: string;
  readonly field: string;
}

/** What a simulated device shows at a time; undefined: leave the field as it is. */
export type Waveform = (place: FieldPlace, timeMs: number) => FieldValue | undefined;

interface Cell {
  readonly row: Row;
  readonly field: PlacedField;
  readonly exponent: number;
  /** Set by hand: the waveform leaves it alone. */
  held: boolean;
}

/** Powers of ten that suit the resolution of common units, for scale-factor registers. */
const usualExponents: readonly (readonly [RegExp, number])[] = [
  [/_(w|va|var|wh_total|varh_total|vah_total)$/, 0],
  [/_(a|hz|ratio)$/, -2],
];

export class RegisterImage {
  readonly #cells: Cell[] = [];
  readonly #words: Record<Table, Map<number, number>> = {
    coil: new Map(),
    discrete: new Map(),
    holding: new Map(),
    input: new Map(),
  };

  /** @throws E_PROFILE */
  constructor(profile: ModbusProfile) {
    for (const row of rowsOf(profile)) {
      for (const field of row.fields) {
        this.#cells.push({ row, field, exponent: this.#placeExponent(field), held: false });
        this.#clear(field);
      }
    }
  }

  /**
   * Gives fields of a row their values, and keeps them against the waveform.
   * @throws E_VALUE when there is no such field or it cannot carry the value
   */
  set(measurement: string, channel: string, fields: Fields): void {
    for (const [name, value] of Object.entries(fields)) {
      const cells = this.#cells.filter(
        ({ row, field }) =>
          row.measurement === measurement && row.channel === channel && field.name === name,
      );
      if (cells.length === 0) {
        throw new GatewayError("E_VALUE", `the profile has no ${measurement} ${channel} ${name}`);
      }
      for (const cell of cells) {
        this.#store(cell, value);
        cell.held = true;
      }
    }
  }

  /** Brings the fields inside a span to what the waveform says; it clips what does not fit. */
  refresh(span: Span, waveform: Waveform, timeMs: number): void {
    for (const cell of this.#cells) {
      const { table, at, count } = cell.field.span;
      if (cell.held || table !== span.table) continue;
      if (at >= span.at + span.count || at + count <= span.at) continue;
      const { measurement, channel } = cell.row;
      const value = waveform({ measurement, channel, field: cell.field.name }, timeMs);
      if (value !== undefined) this.#store(cell, fitted(cell, value));
    }
  }

  /** Sets one register or bit as it stands on the wire. */
  poke(table: Table, at: number, word: number): void {
    this.#words[table].set(at, word);
  }

  /** Sets one register or bit as a client does: fields on it are kept against the waveform. */
  write(table: Table, at: number, word: number): void {
    this.poke(table, at, word);
    for (const cell of this.#cells) {
      const { span } = cell.field;
      const touched = span.table === table && span.at <= at && at < span.at + span.count;
      if (touched) cell.held = true;
    }
  }

  /** The registers (or bits) of a span; undefined where the image holds none. */
  words(span: Span): (number | undefined)[] {
    const words = this.#words[span.table];
    return Array.from({ length: span.count }, (_, index) => words.get(span.at + index));
  }

  #store(cell: Cell, value: FieldValue): void {
    const { span, form } = cell.field;
    const current = Uint16Array.from(this.words(span), (word) => word ?? 0);
    this.#write(span, encodeField(form, value, { exponent: cell.exponent, current }));
  }

  #write(span: Span, words: Uint16Array): void {
    for (const [index, word] of words.entries()) this.poke(span.table, span.at + index, word);
  }

  #clear({ span, form }: PlacedField): void {
    const [marker = 0n] = form.none;
    const free = this.words(span).every((word) => word === undefined);
    if (free) this.#write(span, wordsOfPattern(marker, span.count, form.order));
  }

  #placeExponent({ exponent: span, name }: PlacedField): number {
    if (span === undefined) return 0;
    const [placed] = this.words(span);
    if (placed !== undefined) return placed > 0x7fff ? placed - 0x1_0000 : placed;
    const exponent = usualExponents.find(([pattern]) => pattern.test(name))?.[1] ?? -1;
    this.poke(span.table, span.at, exponent & 0xffff);
    return exponent;
  }
}

function fitted({ field, exponent }: Cell, value: FieldValue): FieldValue {
  const { form } = field;
  if (form.states !== undefined) return knownState(form, Number(value));
  if (form.type === "string") return String(value).slice(0, form.length * 2);
  const [low, high] = carriedRange(form, exponent);
  return Math.min(high, Math.max(low, Number(value)));
}

function knownState(form: FieldForm, value: number): number {
  const states = [...(form.states?.values() ?? [])];
  return states.includes(value) ? value : (states[0] ?? 0);
}
