/**
 * Which series, fields and shapes of lines the file knows, each loaded when it is first needed.
 * What a transaction added is taken back when it fails.
 *
 * Limits: 500,000 series a file, lines of further ones are refused; 100,000 shapes, lines of
 * further ones are noted field by field.
 */
import type { Tags } from "../../telemetry/index.ts";
import { invariant } from "../../telemetry/index.ts";
import type { Tier } from "./partition.ts";
import { tierOf } from "./partition.ts";
import type { Sql, SqlRow, Statement } from "./schema.ts";
import { numberOf } from "./schema.ts";

export const maxSeries = 500_000;
const maxShapes = 100_000;

export interface Field {
  readonly id: number;
  readonly name: string;
  readonly text: boolean;
  /** Its place among the fields of its series while this process runs. */
  readonly slot: number;
  /** Last UTC day noted in the file. */
  seen: number;
}

/** One series of the file. */
export interface Series {
  readonly id: number;
  readonly measurement: string;
  readonly tags: Tags;
  readonly tier: Tier;
  /** By slot; a slot is never used twice. */
  readonly slots: Field[];
  readonly fields: Map<string, Field>;
  /** Grows when a field or the series itself is taken away. */
  version: number;
}

/** Names of the fields of a line; that of a text stands behind an apostrophe. */
export interface Shape {
  readonly id: number;
  readonly names: readonly string[];
}

/** A series as the engine spells it out. */
export interface SeriesDefinition {
  readonly series: string;
  readonly measurement: string;
  readonly tags: Tags;
}

/** The names of one open file. */
export class Catalog {
  readonly #sql: Sql;
  readonly #statements: Statements;
  readonly #series = new Map<number, Series>();
  readonly #ids = new Map<string, number>();
  readonly #kinds = new Map<string, boolean>();
  readonly #shapes = new Map<number, Shape>();
  /** Measurements all of whose series are loaded. */
  readonly #whole = new Set<string>();
  /** How to take back what the transaction added. */
  #added: (() => void)[] = [];
  #seriesCount: number;
  #shapeCount: number;
  /** Grows when what was found before may be gone. */
  era = 0;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#statements = statementsOf(sql);
    this.#seriesCount = numberOf(sql, "SELECT count(*) FROM series");
    this.#shapeCount = numberOf(sql, "SELECT count(*) FROM shape");
  }

  get seriesCount(): number {
    return this.#seriesCount;
  }

  /** The transaction was committed. */
  keep(): void {
    this.#added = [];
  }

  /** The transaction failed: what it added was never there. */
  takeBack(): void {
    for (const undo of this.#added.toReversed()) undo();
    this.#added = [];
    this.era += 1;
  }

  /** Another process changed the file: more may be there than is known here. */
  stale(): void {
    this.#whole.clear();
    this.#seriesCount = numberOf(this.#sql, "SELECT count(*) FROM series");
    this.#shapeCount = numberOf(this.#sql, "SELECT count(*) FROM shape");
  }

  seriesOf(id: number): Series | undefined {
    const known = this.#series.get(id);
    if (known !== undefined) return known;
    return this.#loaded(this.#statements.series.all(id))[0];
  }

  /** All series of a measurement, in order of their ids. */
  ofMeasurement(measurement: string): readonly Series[] {
    if (!this.#whole.has(measurement)) {
      this.#loaded(this.#statements.measurement.all(measurement));
      this.#whole.add(measurement);
    }
    const rows = this.#statements.ids.all(measurement);
    return rows.flatMap(({ id }) => this.#series.get(Number(id)) ?? []);
  }

  /** A field of a series, looked up anew in case another process added it. */
  fieldOf(series: Series, name: string): Field | undefined {
    const known = series.fields.get(name);
    if (known !== undefined) return known;
    this.#loaded(this.#statements.series.all(series.id));
    return series.fields.get(name);
  }

  /** Whether a field of a measurement is a text; undefined: there is no such field. */
  isText(measurement: string, name: string): boolean | undefined {
    const key = `${measurement}\n${name}`;
    const known = this.#kinds.get(key);
    if (known !== undefined) return known;
    const found = this.#statements.kind.get(measurement, name)?.["text"];
    if (found === undefined) return undefined;
    this.#kinds.set(key, found === 1);
    return found === 1;
  }

  /** The series of a definition, added when it is new; undefined: there are too many. */
  addSeries({ series: key, measurement, tags }: SeriesDefinition): Series | undefined {
    const id = this.#ids.get(key) ?? this.#statements.idOf.get(key)?.["id"];
    if (id !== undefined) {
      this.#ids.set(key, Number(id));
      return this.seriesOf(Number(id));
    }
    if (this.#seriesCount >= maxSeries) return undefined;
    const made = this.#statements.addSeries.get(measurement, JSON.stringify(tags), key)?.["id"];
    const series = newSeries(Number(made), measurement, tags);
    this.#series.set(series.id, series);
    this.#ids.set(key, series.id);
    this.#seriesCount += 1;
    this.#added.push(() => {
      this.#remove(series);
      this.#ids.delete(key);
    });
    return series;
  }

  /** A field of a series, added when it is new; the measurement's field is of this type. */
  addField(series: Series, name: string, text: boolean): Field {
    const known = series.fields.get(name);
    if (known !== undefined) return known;
    const kind = `${series.measurement}\n${name}`;
    this.#statements.addKind.run(series.measurement, name, Number(text));
    this.#kinds.set(kind, text);
    const id = this.#statements.addField.get(series.id, name)?.["id"];
    const field = { id: Number(id), name, text, slot: series.slots.length, seen: -1 };
    series.slots.push(field);
    series.fields.set(name, field);
    this.#added.push(() => {
      removeField(series, field);
      this.#kinds.delete(kind);
    });
    return field;
  }

  shapeOf(id: number): Shape | undefined {
    const known = this.#shapes.get(id);
    if (known !== undefined) return known;
    const row = this.#statements.shape.get(id);
    if (row === undefined) return undefined;
    const parsed: unknown = JSON.parse(String(row["names"]));
    const shape = { id, names: Array.isArray(parsed) ? parsed.map(String) : [] };
    this.#shapes.set(id, shape);
    return shape;
  }

  /** The shape of these names, added when it is new; undefined: there are too many. */
  addShape(names: readonly string[]): Shape | undefined {
    const text = JSON.stringify(names);
    const found = this.#statements.shapeId.get(text)?.["id"];
    const full = this.#shapeCount >= maxShapes;
    if (found === undefined && names.length > 1 && full) return undefined;
    const id = Number(found ?? this.#statements.addShape.get(text)?.["id"]);
    if (found === undefined) {
      this.#shapeCount += 1;
      this.#added.push(() => {
        this.#shapeCount -= 1;
        this.#shapes.delete(id);
      });
    }
    const shape = { id, names };
    this.#shapes.set(id, shape);
    return shape;
  }

  /** Notes that a field has a value on a day. @param day whole days since 1970-01-01 UTC */
  see(field: Field, day: number): void {
    if (day <= field.seen) return;
    this.#statements.see.run(day, field.id, day);
    const before = field.seen;
    field.seen = day;
    this.#added.push(() => {
      field.seen = before;
    });
  }

  /** Removes the fields of a tier that have no value after a day, and series without fields. */
  dropUnseen(tier: Tier, day: number): void {
    const rows = this.#statements.unseen.all(day);
    for (const { id, series_id, name } of rows) {
      const series = this.seriesOf(Number(series_id));
      if (series?.tier !== tier) continue;
      this.#statements.removeField.run(id ?? 0);
      const field = series.fields.get(String(name));
      if (field !== undefined) removeField(series, field);
      if (series.fields.size > 0) continue;
      this.#statements.removeSeries.run(series.id);
      this.#remove(series);
    }
    // A taken-back drop would need them again: all are looked up anew.
    this.#ids.clear();
    this.#added.push(() => this.forget());
  }

  /** All is looked up anew: what is known here may be gone from the file. */
  forget(): void {
    this.era += 1;
    for (const series of this.#series.values()) series.version += 1;
    this.#series.clear();
    this.#ids.clear();
    this.#kinds.clear();
    this.stale();
  }

  #remove(series: Series): void {
    series.version += 1;
    if (this.#series.delete(series.id)) this.#seriesCount -= 1;
  }

  /** Series out of rows of series joined with their fields, in order of both. */
  #loaded(rows: readonly SqlRow[]): Series[] {
    const found: Series[] = [];
    const fresh = new Set<Series>();
    for (const row of rows) {
      const id = Number(row["id"]);
      let series = this.#series.get(id);
      if (series === undefined) {
        series = newSeries(id, String(row["measurement"]), tagsOf(row));
        this.#series.set(id, series);
        fresh.add(series);
      }
      if (found.at(-1) !== series) found.push(series);
      const name = row["name"];
      if (typeof name !== "string" || series.fields.has(name)) continue;
      const text = row["text"] === 1;
      const [fieldId, seen] = [Number(row["field_id"]), Number(row["seen"])];
      const field = { id: fieldId, name, text, slot: series.slots.length, seen };
      series.slots.push(field);
      series.fields.set(name, field);
    }
    return found;
  }
}

function newSeries(id: number, measurement: string, tags: Tags): Series {
  const tier = tierOf(measurement);
  return { id, measurement, tags, tier, slots: [], fields: new Map(), version: 0 };
}

function removeField(series: Series, field: Field): void {
  series.version += 1;
  series.fields.delete(field.name);
}

function tagsOf(row: SqlRow): Tags {
  const parsed: unknown = JSON.parse(String(row["tags"]));
  invariant(typeof parsed === "object" && parsed !== null, "tags are no object");
  return Object.fromEntries(Object.entries(parsed).map(([tag, value]) => [tag, String(value)]));
}

interface Statements {
  readonly series: Statement;
  readonly measurement: Statement;
  readonly ids: Statement;
  readonly idOf: Statement;
  readonly addSeries: Statement;
  readonly removeSeries: Statement;
  readonly kind: Statement;
  readonly addKind: Statement;
  readonly addField: Statement;
  readonly removeField: Statement;
  readonly see: Statement;
  readonly unseen: Statement;
  readonly shape: Statement;
  readonly shapeId: Statement;
  readonly addShape: Statement;
}

const joined = `SELECT s.id AS id, s.measurement AS measurement, s.tags AS tags,
    f.id AS field_id, f.name AS name, f.seen AS seen, k.text AS text
  FROM series s LEFT JOIN field f ON f.series_id = s.id
  LEFT JOIN kind k ON k.measurement = s.measurement AND k.name = f.name`;

function statementsOf(sql: Sql): Statements {
  return {
    series: sql.prepare(`${joined} WHERE s.id = ? ORDER BY f.id`),
    measurement: sql.prepare(`${joined} WHERE s.measurement = ? ORDER BY s.id, f.id`),
    ids: sql.prepare("SELECT id FROM series WHERE measurement = ? ORDER BY id"),
    idOf: sql.prepare("SELECT id FROM series WHERE key = ?"),
    addSeries: sql.prepare(
      "INSERT INTO series(measurement, tags, key) VALUES (?, ?, ?) RETURNING id",
    ),
    removeSeries: sql.prepare("DELETE FROM series WHERE id = ?"),
    kind: sql.prepare("SELECT text FROM kind WHERE measurement = ? AND name = ?"),
    addKind: sql.prepare("INSERT OR IGNORE INTO kind(measurement, name, text) VALUES (?, ?, ?)"),
    addField: sql.prepare(
      "INSERT INTO field(series_id, name, seen) VALUES (?, ?, -1) RETURNING id",
    ),
    removeField: sql.prepare("DELETE FROM field WHERE id = ?"),
    see: sql.prepare("UPDATE field SET seen = ? WHERE id = ? AND seen < ?"),
    unseen: sql.prepare("SELECT id, series_id, name FROM field WHERE seen <= ?"),
    shape: sql.prepare("SELECT names FROM shape WHERE id = ?"),
    shapeId: sql.prepare("SELECT id FROM shape WHERE names = ?"),
    addShape: sql.prepare("INSERT INTO shape(names) VALUES (?) RETURNING id"),
  };
}
