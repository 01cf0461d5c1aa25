/** Why nobody is told of an alert that fires, and what its payload says besides its state. */
import type { Tags } from "../../telemetry/index.ts";
import type { Group } from "../groups.ts";
import type { Severity } from "../rule.ts";
import { channelOf } from "../transition.ts";
import type { Acknowledged, Shelf } from "./acts.ts";

/** Consequences named in a payload; of more it says how many. */
const mostNamed = 100;

/**
 * `caused` holds for those alone who hear of the cause; `held` waits for a moment, in case a cause
 * shows; `acknowledged` is looked after by somebody already.
 */
export type Quiet =
  | { readonly why: "shelved" | "acknowledged" | "held" }
  | { readonly why: "caused"; readonly rule: string; readonly severity: Severity };

/** An alert by what tells it from others of its site. */
export interface AlertName {
  readonly rule: string;
  readonly class: string;
  readonly device: string;
  readonly channel: Tags;
}

/** What life beyond its state an alert has; keys are there only where there is something to say. */
export interface LifeView {
  readonly acknowledged?: Acknowledged;
  readonly shelved?: { readonly by: string; readonly until: number; readonly comment: string };
  readonly chattering?: true;
  /** The alert that it follows from. */
  readonly cause?: AlertName;
  readonly consequences?: {
    /** All of them. */
    readonly count: number;
    /** The first ones. */
    readonly list: readonly AlertName[];
  };
}

/** What an alert shares its life with. */
interface Company {
  readonly shelf: Shelf | undefined;
  readonly cause: Group | undefined;
  readonly consequences: readonly Group[] | undefined;
}

export function lifeViewOf(group: Group, { shelf, cause, consequences }: Company): LifeView {
  const { acknowledged, chatter } = group;
  const shelved = shelf && { by: shelf.by, until: shelf.until, comment: shelf.comment };
  const count = consequences?.length ?? 0;
  const list = consequences?.slice(0, mostNamed).map(alertName) ?? [];
  return {
    ...(acknowledged === undefined ? {} : { acknowledged }),
    ...(shelved === undefined ? {} : { shelved }),
    ...(chatter?.chattering === true ? { chattering: true } : {}),
    ...(cause === undefined ? {} : { cause: alertName(cause) }),
    ...(count === 0 ? {} : { consequences: { count, list } }),
  };
}

function alertName({ rule, address, tags }: Group): AlertName {
  const { class: deviceClass, device } = address;
  return { rule: rule.id, class: deviceClass, device, channel: channelOf(tags, address) };
}
