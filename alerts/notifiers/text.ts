/** Alerts in words, for people. */
import type { AlertEvent, Message } from "./contract.ts";

/** One line: `on-battery fires (critical) on ups-1, hall-1`. */
export function titleOf({ kind, events, leftOut }: Message): string {
  if (kind === "test") return "rackstreet: a test message";
  const [first] = events;
  if (kind === "alert" && first !== undefined && events.length === 1) {
    const { rule, severity, address, state } = first;
    const where = `${address.device}, ${address.site}`;
    return `[${severity}] ${rule} ${state === "firing" ? "fires" : "is over"}: ${where}`;
  }
  const firing = events.filter(({ state }) => state === "firing").length;
  const more = leftOut > 0 ? `, ${leftOut} more` : "";
  return `rackstreet: ${firing} alerts fire, ${events.length - firing} are over${more}`;
}

/** All lines of a message. */
export function bodyOf(message: Message): string {
  if (message.kind === "test") {
    return "This is a test: `rackstreet alerts test` was run. Nothing is wrong.\n";
  }
  const { events, leftOut } = message;
  const more = leftOut > 0 ? [`… and ${leftOut} more that there was no room for.`] : [];
  return `${[...events.map(linesOf), ...more].join("\n\n")}\n`;
}

function linesOf(event: AlertEvent): string {
  const { rule, about, runbook, severity, state, since, time, address } = event;
  const { region, org, site, class: deviceClass, device } = address;
  const end = state === "resolved" ? [`until     ${shown(time)}`] : [];
  return [
    `${state === "firing" ? "FIRING" : "OVER"}  ${rule} (${severity})`,
    about,
    `device    ${[region, org, site, deviceClass, device].join("/")}${detailsOf(event)}`,
    `value     ${valueOf(event)}`,
    `since     ${shown(since)}`,
    ...end,
    ...(runbook === undefined ? [] : [`do first  ${runbook}`]),
  ].join("\n");
}

function detailsOf({ place, channel }: AlertEvent): string {
  const { zone, rack } = place;
  const named = {
    ...(zone === undefined ? {} : { zone }),
    ...(rack === undefined ? {} : { rack }),
  };
  return Object.entries({ ...named, ...channel })
    .map(([name, value]) => `, ${name} ${value}`)
    .join("");
}

function valueOf({ value, unit, threshold }: AlertEvent): string {
  const behind = unit === "" ? "" : ` ${unit}`;
  return `${value === undefined ? "unknown" : `${value}${behind}`} (limit ${threshold}${behind})`;
}

function shown(time: number): string {
  return new Date(time).toISOString();
}
