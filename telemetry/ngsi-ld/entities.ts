/**
 * A device's batch as entities of NGSI-LD: the device itself, an entity for each channel that a
 * Smart Data Model describes, and a `DeviceMeasurement` for each field that none does. Every field
 * is shown once. Pure: an agent pushes them, a hub can be asked for them.
 *
 * A row of quality 2 and above gives no values: the `quality` of its entities says so, and what
 * was shown of them before keeps its older `observedAt`.
 */
import type { Fields, FieldValue, Point } from "../points.ts";
import { quality } from "../points.ts";
import { fieldFacts } from "../register/index.ts";
import type { ShownDevice } from "./device.ts";
import { deviceEntity } from "./device.ts";
import type { Attributes, AttributeValue, Entity, Property, Relationship } from "./entity.ts";
import { instant, locationOf, observedAt, property } from "./entity.ts";
import type { Model, ModelName, Shown } from "./models.ts";
import { models, shownAs } from "./models.ts";
import { entityId } from "./names.ts";
import { unitCodeOf } from "./unit-codes.ts";

/** What a batch says. */
export interface Observation {
  readonly points: readonly Point[];
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
}

/** Entities of one device: its batch is no longer work than the event loop can spare. */
export const mostOfDevice = 1000;

/** The entities of a device and its batch, the device's own first. @param most how many at most */
export function entitiesOf(
  device: ShownDevice,
  { points, time }: Observation,
  most = mostOfDevice,
): Entity[] {
  const showing = new Showing(device, time, most);
  for (const point of points) showing.row(point);
  return showing.entities();
}

/** Words for `q`, from 0. */
const qualities: readonly string[] = Object.keys(quality);

/** A text of NGSI-LD that removes what it stands in (clause 4.5.0). */
const removes = "urn:ngsi-ld:null";

interface Draft {
  readonly id: string;
  readonly type: ModelName;
  readonly attributes: Record<string, Property | Relationship>;
  worst: number;
}

interface Row {
  readonly measurement: string;
  readonly channel: string | undefined;
  readonly fields: Fields;
}

class Showing {
  readonly #device: ShownDevice;
  readonly #most: number;
  readonly #drafts = new Map<string, Draft>();
  readonly #own: Draft;
  /** What many attributes share, made once. */
  readonly #moment: Property;
  readonly #time: number;
  readonly #at: { readonly observedAt: string };
  readonly #where: Attributes;
  readonly #reference: Relationship;

  constructor(device: ShownDevice, time: number, most: number) {
    this.#device = device;
    this.#most = most;
    this.#time = time;
    this.#at = observedAt(time);
    this.#moment = property(this.#at.observedAt);
    this.#where = locationOf(device.location);
    const { id, type, attributes } = deviceEntity(device);
    this.#reference = { type: "Relationship", object: id };
    this.#own = { id, type, attributes: { ...attributes, ...this.#dates(type) }, worst: 0 };
    this.#drafts.set(id, this.#own);
  }

  entities(): Entity[] {
    return [...this.#drafts.values()].map(({ id, type, attributes, worst }) => {
      const word = property(qualities[worst] ?? "uncertain");
      return { id, type, attributes: { ...attributes, quality: { ...word, ...this.#at } } };
    });
  }

  row({ measurement, tags, fields }: Point): void {
    const row = { measurement, fields, channel: Object.values(tags ?? {})[0] };
    const q = Number(fields["q"] ?? quality.good);
    for (const [field, value] of Object.entries(fields)) {
      if (field !== "q") this.#field(row, field, { value, q });
    }
  }

  #field(
    row: Row,
    field: string,
    { value, q }: { readonly value: FieldValue; readonly q: number },
  ): void {
    const shown = this.#modelOf(row, field);
    if (shown === undefined && this.#drafts.size >= this.#most) return;
    const isGood = q < quality.uncertain;
    if (shown !== undefined) {
      const draft = this.#modelled(shown, row);
      if (draft === undefined) return;
      draft.worst = Math.max(draft.worst, q);
      if (!isGood || this.#show(draft, { shown, row, field, value })) return;
    }
    const draft = this.#measurement(row, field);
    if (draft === undefined) return;
    draft.worst = Math.max(draft.worst, q);
    if (isGood) this.#measured(draft, { row, field, value });
  }

  /** How a model shows a field, where one can. */
  #modelOf({ measurement, channel }: Row, field: string): Shown | undefined {
    const shown = shownAs(measurement, field);
    if (shown === undefined) return undefined;
    const { located }: Model = models[shown.model];
    if (located === true && this.#device.location === undefined) return undefined;
    return shown.form === "phase" && !/^L[123]$/.test(channel ?? "") ? undefined : shown;
  }

  /** False when the model cannot hold it: a state it has no word for, an attribute it has. */
  #show(draft: Draft, { shown, row, field, value }: ToShow): boolean {
    const { attribute, form, words, per = 1 } = shown;
    const plain = words === undefined ? value : words[Number(value)];
    const known = draft.attributes[attribute];
    if (plain === undefined) return false;
    if (form === "period") return this.#period(draft, attribute, value);
    const number = typeof plain === "number" ? scaled(plain, per) : undefined;
    const before = form === "phase" && known !== undefined && "value" in known ? known.value : {};
    const shownValue = formed(form, { plain: number ?? plain, before, channel: row.channel });
    if (shownValue === undefined || (form !== "phase" && known !== undefined)) return false;
    const { ucum, shown: word } = fieldFacts(row.measurement, field)?.unit ?? {};
    draft.attributes[attribute] = {
      ...property(shownValue),
      ...(number === undefined ? {} : unitOfValue(shown.ucum ?? ucum, word)),
      ...this.#at,
    };
    return true;
  }

  /** A count is of the time before. */
  #period(draft: Draft, attribute: string, seconds: FieldValue): boolean {
    if (typeof seconds !== "number" || !(seconds >= 0 && seconds <= longestPeriod)) return false;
    draft.attributes[attribute] = property(instant(this.#time - seconds * 1000));
    draft.attributes["dateObservedTo"] = this.#moment;
    return true;
  }

  #modelled({ model, form }: Shown, { channel, fields }: Row): Draft | undefined {
    if (model === "Device") return this.#own;
    // Phases are parts of one entity, which is also that of the whole.
    const parts = channel === undefined || form === "phase" ? [] : [channel];
    return this.#draft(model, parts, () => ownOf(model, channel, fields));
  }

  #measurement({ measurement, channel }: Row, field: string): Draft | undefined {
    const parts = [measurement, ...(channel === undefined ? [] : [channel]), field];
    return this.#draft("DeviceMeasurement", parts, () => ({
      controlledProperty: property(field),
      measurementType: property(measurement),
      deviceType: property(this.#device.address.class),
    }));
  }

  #measured(
    draft: Draft,
    {
      row: { measurement },
      field,
      value,
    }: { readonly row: Row; readonly field: string; readonly value: FieldValue },
  ): void {
    if (typeof value === "string") {
      if (value !== removes) {
        draft.attributes["textValue"] = { ...property(value), ...this.#at };
      }
      return;
    }
    const { unit, entry } = fieldFacts(measurement, field) ?? {};
    const code = unit && unitCodeOf(unit.ucum);
    draft.attributes["numValue"] = {
      ...property(scaled(value, 1)),
      ...(code === undefined ? {} : { unitCode: code }),
      ...this.#at,
    };
    if (unit !== undefined) draft.attributes["unit"] = property(code ?? unit.shown);
    const word = entry?.states?.[value];
    if (word !== undefined) draft.attributes["textValue"] = { ...property(word), ...this.#at };
  }

  /** Undefined where there are as many entities as may be. */
  #draft(
    type: ModelName,
    parts: readonly string[],
    own: () => Draft["attributes"],
  ): Draft | undefined {
    const { address } = this.#device;
    const id = entityId(type, address, parts);
    const known = this.#drafts.get(id);
    if (known !== undefined || this.#drafts.size >= this.#most) return known;
    const { refDevice }: Model = models[type];
    const attributes: Draft["attributes"] = {
      name: property([address.device, ...parts].join(" ")),
      ...own(),
      ...this.#dates(type),
      ...(refDevice === true ? { refDevice: this.#reference } : { source: property(this.#own.id) }),
      ...this.#where,
    };
    const draft = { id, type, attributes, worst: 0 };
    this.#drafts.set(id, draft);
    return draft;
  }

  #dates(type: ModelName): Record<string, Property> {
    const { dates }: Model = models[type];
    return Object.fromEntries(dates.map((date) => [date, this.#moment]));
  }
}

interface ToShow {
  readonly shown: Shown;
  readonly row: Row;
  readonly field: string;
  readonly value: FieldValue;
}

/** @unit s */
const longestPeriod = 366 * 86_400;

/** Without a negative zero, which JSON does not have. */
function scaled(value: number, per: number): number {
  return value / per + 0;
}

function formed(
  form: Shown["form"],
  {
    plain,
    before,
    channel = "",
  }: {
    readonly plain: FieldValue;
    readonly before: AttributeValue;
    readonly channel: string | undefined;
  },
): AttributeValue | undefined {
  if (form === "list") return typeof plain === "string" ? [plain] : undefined;
  if (form !== "phase") return plain;
  const isTaken = typeof before !== "object" || channel in before;
  return isTaken || typeof plain !== "number"
    ? undefined
    : { ...phasesIn(before), [channel]: plain };
}

function phasesIn(value: AttributeValue): Record<string, number> {
  const phases = Object.entries(value).filter((entry): entry is [string, number] => {
    return typeof entry[1] === "number";
  });
  return Object.fromEntries(phases);
}

/** The code of a unit, or the unit in words. */
function unitOfValue(
  ucum: string | undefined,
  word: string | undefined,
): Pick<Property, "unitCode" | "unit"> {
  const unitCode = ucum === undefined ? undefined : unitCodeOf(ucum);
  if (unitCode !== undefined) return { unitCode };
  return word === undefined ? {} : { unit: property(word) };
}

/** What a model requires or knows of a channel besides its values. */
function ownOf(
  model: ModelName,
  channel: string | undefined,
  fields: Fields,
): Record<string, Property> {
  if (model === "TrafficFlowObserved" && /^\d{1,9}$/.test(channel ?? "")) {
    return { laneId: property(Number(channel)) };
  }
  // The maker's fault word says more, and is shown besides.
  const isFaulty = typeof fields["fault_code"] === "number" && fields["fault_code"] !== 0;
  return model === "Streetlight" ? { status: property(isFaulty ? "defectiveLamp" : "ok") } : {};
}
