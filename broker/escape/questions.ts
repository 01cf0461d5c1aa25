/** What a user may try by asking the hub: to be told of topics that it may not hear. */
import type { Clock, DeviceAddress } from "../../telemetry/index.ts";
import { decodeAnswer, encodeAsk, isRecord, topicOf, topicRoot } from "../../telemetry/index.ts";
import type { Book } from "./book.ts";
import type { Member } from "./member.ts";
import { mayHear } from "./rights.ts";

export interface QuestionParts {
  /** The hub's address: its class is `hub`. */
  readonly hub: DeviceAddress;
  /** Topics of others. */
  readonly foreign: readonly string[];
  readonly book: Book;
  readonly clock: Pick<Clock, "after">;
}

/** How long an answer may take. @unit ms */
const patience = 5000;
/** Foreign filters that are tried: a client may not ask without end. */
const foreignMost = 6;

/** Asks for what is not the member's, and judges each topic in the answers. */
export async function askAround(
  member: Member,
  { hub, foreign, book, clock }: QuestionParts,
): Promise<void> {
  const { who } = member.account;
  const id = `${member.mark}-asker`;
  const parts = new Map<string, unknown[]>();
  const waiting = new Map<string, () => void>();
  const link = await member.open("", { id }, (_topic, payload) => {
    const decoded = decodeAnswer(Buffer.from(payload));
    if (!("ok" in decoded)) return;
    const { id: question, body, last } = decoded.ok;
    const things = "ok" in body && Array.isArray(body.ok) ? body.ok : [];
    parts.set(question, [...(parts.get(question) ?? []), ...things]);
    if (last) waiting.get(question)?.();
  });
  const [region = "", org = "", site = ""] = who.site.split("/");
  const agent = { region, org, site, class: "agent", device: who.agent };
  const own = who.role === "agent" ? agent : { ...hub, class: "client", device: id };
  await link?.subscribe(topicOf(own, "answer"));
  for (const [number, ask] of questionsOf(foreign).entries()) {
    const question = String(number);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    waiting.set(question, () => resolve(true));
    const timer = clock.after(patience, () => resolve(false));
    const payload = encodeAsk({ id: question, ...ask });
    await link?.publish(topicOf(hub, "ask"), payload);
    // A hub that answers nothing tells nothing.
    const told = link !== undefined && (await promise);
    timer.cancel();
    if (!told) break;
    const got = topicsIn(parts.get(question) ?? []).find(
      (topic) => mayHear(who, topic, id) === undefined,
    );
    book.tried(who.name, "ask", got === undefined);
    if (got !== undefined) book.leak({ user: who.name, kind: "ask", tried: payload, got });
  }
  link?.[Symbol.dispose]();
}

function questionsOf(foreign: readonly string[]) {
  const near = foreign.map((topic) => [...topic.split("/").slice(0, 7), "#"].join("/"));
  const filters = ["#", `${topicRoot}/#`, "+/#", ...new Set(near)].slice(0, foreignMost);
  return ["latest", "catalog"].flatMap((name) => [
    { do: name, args: {} },
    ...filters.map((filter) => ({ do: name, args: { filter } })),
  ]);
}

/** Topics that an answer speaks of, whole. */
function topicsIn(things: readonly unknown[]): string[] {
  return things.flatMap((thing) => {
    const { topic, kinds } = isRecord(thing) ? thing : {};
    if (typeof topic !== "string") return [];
    if (!Array.isArray(kinds)) return [topic];
    // Whoever may hear nothing of a device may not know that it is there.
    const heard = kinds.filter((kind) => kind !== "set").map((kind) => `${topic}/${kind}`);
    return heard.length === 0 ? [`${topic}/telemetry`] : heard;
  });
}
