/**
 * NVLink by `nvidia-smi nvlink`: `-s` its state, `-gt d` what it carried, `-e` its errors. All of
 * them print a line `GPU 0: NAME (UUID: …)` and then one or more of each link:
 *
 *   Link 0: 26.562 GB/s          or   Link 0: <inactive>
 *   Link 0: Data Tx: 14984231 KiB
 *   Link 0: CRC Errors: 0        or   Links 0-2, 4-5: Replay/Recovery/CRC Errors: 0
 */
import { count } from "./cell.ts";

/** Links of one machine: 16 cards of 18, and as many again. */
const maxLinks = 640;

export interface Link {
  readonly uuid: string;
  readonly index: string;
  readonly number: number;
  readonly values: Map<string, { value: number; raw: string; at: string }>;
}

/** Errors that are one and the same again, or that the link is made to correct. */
const notCounted = /symbol|fec|ber|effective/i;

/** The links in the outputs, in the order in which they came. */
export class Links {
  readonly #links = new Map<string, Link>();

  get all(): readonly Link[] {
    return [...this.#links.values()];
  }

  /** Takes one output in. @returns lines that could not be read */
  accept(output: string, way: "-s" | "-gt d" | "-e"): string[] {
    const strange: string[] = [];
    let card: { readonly index: string; readonly uuid: string } | undefined;
    for (const line of output.split("\n")) {
      const head = /^GPU (\d{1,3}): .{0,200}\(UUID: ([\w-]{1,64})\)/.exec(line);
      if (head !== null) {
        card = { index: head[1] ?? "", uuid: head[2] ?? "" };
        continue;
      }
      const [, which = "", rest = ""] = /^\s*Links? ([\d, -]{1,80}): (.{1,200})$/.exec(line) ?? [];
      if (rest === "" || card === undefined) continue;
      for (const number of numbersIn(which)) {
        if (!this.#take({ ...card, number }, rest.trim(), way)) strange.push(line.trim());
      }
    }
    return strange;
  }

  #take(who: Omit<Link, "values">, said: string, way: string): boolean {
    const key = `${who.uuid} ${who.number}`;
    const link = this.#links.get(key) ?? { ...who, values: new Map() };
    if (!this.#links.has(key) && this.#links.size >= maxLinks) return false;
    this.#links.set(key, link);
    if (way === "-s") return takeState(link, said);
    const [, name = "", printed = ""] = /^([A-Za-z/ ]{1,60}): (.{1,60})$/.exec(said) ?? [];
    return way === "-e" ? takeErrors(link, name, printed) : takeBytes(link, name, printed);
  }
}

function takeState(link: Link, said: string): boolean {
  if (!/^([\d.]{1,12} GB\/s|<?inactive>?|<?disabled>?)$/i.test(said)) return false;
  const value = /^\d/.test(said) ? 1 : 0;
  link.values.set("link_state", { value, raw: said, at: "nvlink -s" });
  return true;
}

function takeBytes(link: Link, name: string, printed: string): boolean {
  const way = /^(?:Data )?(Tx|Rx)\d?$/.exec(name)?.[1];
  if (way === undefined) return true;
  if (/^(N\/A|Not Supported)$/i.test(printed)) return true;
  const kibibytes = count(/^(\d{1,15}) KiB$/.exec(printed)?.[1] ?? "");
  if (kibibytes === undefined) return false;
  const field = way === "Tx" ? "tx_bytes_total" : "rx_bytes_total";
  link.values.set(field, { value: kibibytes * 1024, raw: printed, at: "nvlink -gt d" });
  return true;
}

function takeErrors(link: Link, name: string, printed: string): boolean {
  if (!/errors$/i.test(name) || notCounted.test(name)) return true;
  if (/^(N\/A|Not Supported)$/i.test(printed)) return true;
  const errors = count(printed);
  if (errors === undefined) return false;
  const before = link.values.get("errors_total");
  link.values.set("errors_total", {
    value: (before?.value ?? 0) + errors,
    raw: [before?.raw, `${name} ${printed}`].filter((part) => part !== undefined).join(", "),
    at: "nvlink -e",
  });
  return true;
}

/** `0-2, 4-5` → 0, 1, 2, 4, 5. */
function numbersIn(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const [, from = "", to = from] = /^\s*(\d{1,2})(?:-(\d{1,2}))?\s*$/.exec(part) ?? [];
    if (from === "") return [];
    const length = Math.max(0, Number(to) - Number(from) + 1);
    return Array.from({ length }, (_, nth) => Number(from) + nth);
  });
}
