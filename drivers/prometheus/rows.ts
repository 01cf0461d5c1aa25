/** The rows of a profile, ready to be filled from a page. */
import type { FieldFacts } from "../../telemetry/index.ts";
import { fieldFacts, GatewayError } from "../../telemetry/index.ts";
import type { Check, Labels, Where } from "./conditions.ts";
import { checkOf, whereText } from "./conditions.ts";
import type { FieldForm, PrometheusProfile, Take, Term } from "./profile.ts";

export interface TermPlan {
  readonly metric: string;
  readonly take: Take;
  readonly check: Check;
}

export interface FormPlan {
  readonly form: FieldForm;
  /** Where it stands, for people: `sum(node_cpu_seconds_total{mode="idle"})`. */
  readonly at: string;
  readonly metric: TermPlan;
  readonly plus: readonly TermPlan[];
  readonly less: readonly TermPlan[];
  readonly over: number | TermPlan | undefined;
}

export interface FieldPlan {
  readonly name: string;
  readonly type: FieldFacts["type"] | "any";
  /** It only grows, and is made continuous over resets. */
  readonly counter: boolean;
  readonly forms: readonly FormPlan[];
}

export interface RowPlan {
  readonly measurement: string;
  /** The channel's tag and how it is made of labels; undefined: it has none. */
  readonly tag: string | undefined;
  readonly name: (labels: Labels) => string | undefined;
  /** What holds for all its series. */
  readonly check: Check;
  readonly every: number | undefined;
  readonly fields: readonly FieldPlan[];
}

/** What a device changes of its profile. */
export interface Own {
  readonly where: Where;
  /** By measurement. */
  readonly channels: Readonly<Record<string, string>>;
}

/** @throws E_PROFILE for rows that repeat; E_CONFIG for a name of channels that has no use */
export function rowsOf(profile: PrometheusProfile, { where, channels }: Own): RowPlan[] {
  const { id, header, points } = profile;
  for (const measurement of Object.keys(channels)) {
    if (points.some((point) => point.measurement === measurement && point.tags)) continue;
    const why = `channels: ${id} has no channels of a measurement "${measurement}"`;
    throw new GatewayError("E_CONFIG", why);
  }
  return points.map(({ measurement, tags, every, repeat, fields }) => {
    if (repeat !== undefined) {
      const why = `${id}: ${measurement}: this driver repeats no rows; labels make the channels`;
      throw new GatewayError("E_PROFILE", why);
    }
    const [tag, template = ""] = Object.entries(tags ?? {})[0] ?? [];
    const own = header.where[measurement];
    return {
      measurement,
      tag,
      name: tag === undefined ? () => "" : nameOf(channels[measurement] ?? template),
      check: checkOf(where, own),
      every,
      fields: Object.entries(fields).map(([name, forms]) => ({
        name,
        type: fieldFacts(measurement, name)?.type ?? "any",
        counter: name.endsWith("_total"),
        forms: forms.map((form) => planOf(form, own)),
      })),
    };
  });
}

/** Names of all samples that rows are made of. */
export function metricsOf(rows: readonly RowPlan[]): ReadonlySet<string> {
  const forms = rows.flatMap(({ fields }) => fields.flatMap(({ forms }) => forms));
  const terms = forms.flatMap(({ metric, plus, less, over }) => {
    return [metric, ...plus, ...less, ...(typeof over === "object" ? [over] : [])];
  });
  return new Set(terms.map(({ metric }) => metric));
}

function planOf(form: FieldForm, own: Where | undefined): FormPlan {
  const { over } = form;
  const divisor = typeof over === "object" ? termOf(over) : over;
  return {
    form,
    at: formText(form, own),
    metric: termOf(form),
    plus: form.plus.map(termOf),
    less: form.less.map(termOf),
    over: divisor,
  };
}

function termOf({ metric, take, where }: Term): TermPlan {
  return { metric, take, check: checkOf(where) };
}

function formText(form: FieldForm, own: Where | undefined): string {
  const { plus, less, over, label, rate } = form;
  const text = (term: Term): string => termText(term, own);
  const sum = [text(form), ...plus.map((one) => `+ ${text(one)}`)];
  const whole = [...sum, ...less.map((one) => `- ${text(one)}`)].join(" ");
  const shown = label === undefined ? whole : `${label} of ${whole}`;
  const grown = rate === true ? `rate(${shown})` : shown;
  if (over === undefined) return grown;
  const dividend = plus.length + less.length > 0 ? `(${grown})` : grown;
  return `${dividend} / ${typeof over === "number" ? over : text(over)}`;
}

function termText({ metric, where, take }: Term, own: Where | undefined): string {
  const text = `${metric}${whereText(own, where)}`;
  return take === "first" ? text : `${take}(${text})`;
}

/** Fills a template; undefined: a label that it names is not there. */
function nameOf(template: string): (labels: Labels) => string | undefined {
  // Every other piece is the name of a label.
  const pieces = template.split(/[{}]/);
  return (labels) => {
    let name = "";
    for (const [index, piece] of pieces.entries()) {
      const part = index % 2 === 0 ? piece : labels.get(piece);
      if (part === undefined || (part === "" && index % 2 === 1)) return undefined;
      name += part;
    }
    return name;
  };
}
