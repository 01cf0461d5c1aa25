/**
 * A message as JSON, the form that `webhook` posts and `script` gets (docs/notifying.md):
 *
 * {"v":1,"id":"…","kind":"alert","time":…,"alerts":[{"id":"…","state":"firing","rule":"rack-hot",
 *  "severity":"warning","about":"…","since":…,"time":…,"value":28.5,"unit":"°C","threshold":27,
 *  "region":"local","org":"main","site":"hall-1","class":"thermal","device":"t1","place":{},
 *  "channel":{"sensor":"inlet"},"runbook":"…"}],"left_out":0}  times: ms since 1970-01-01 UTC
 */
import type { AlertEvent, Message } from "./contract.ts";

export function jsonOf({ id, kind, time, events, leftOut }: Message): string {
  return JSON.stringify({ v: 1, id, kind, time, alerts: events.map(alertOf), left_out: leftOut });
}

function alertOf(event: AlertEvent): unknown {
  const { id, state, rule, severity, about, since, time, value, unit, threshold } = event;
  const { address, place, channel, runbook } = event;
  const judged = { value, unit, threshold };
  const what = { id, state, rule, severity, about, since, time, ...judged };
  return { ...what, ...address, place, channel, runbook };
}
