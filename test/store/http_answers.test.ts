/**
 * Every answer to a write that is known, by engine, and what it means. Bodies are in the exact
 * form of the products: InfluxDB 1 and VictoriaMetrics as recorded on 1.6.7 and 1.79.5, InfluxDB 2
 * after docs.influxdata.com/influxdb/v2/write-data/troubleshoot/, InfluxDB 3 after
 * docs.influxdata.com/influxdb3/core/write-data/http-api/v3-write-lp/ ("Partial writes").
 */
import { expect, test } from "vitest";
import type { WriteVerdict } from "../../store/http/answers.ts";
import { assertNever } from "../../telemetry/index.ts";
import { answerTable, rowFor, verdictOf } from "../../store/http/answers.ts";

/** A verdict in few words. */
function shown(verdict: WriteVerdict): string {
  switch (verdict.kind) {
    case "failed": {
      const { code, retryAfterMs } = verdict.error;
      return retryAfterMs === undefined ? code : `${code} after ${retryAfterMs}`;
    }
    case "lines": {
      const named = verdict.refused.map(({ at }) => at).join(" ");
      const rest = verdict.restStored ? "rest stored" : "rest unknown";
      const dropped = verdict.dropped === undefined ? "" : `, dropped ${verdict.dropped}`;
      return `lines [${named}], ${rest}${dropped}`;
    }
    case "stored":
    case "missing":
    case "large":
      return verdict.kind;
    default:
      return assertNever(verdict);
  }
}

const error = (text: string): string => JSON.stringify({ error: text });
const two = (code: string, message: string): string => JSON.stringify({ code, message });
const bisect = "lines [], rest unknown";

const conflict =
  'partial write: field type conflict: input field "a" on measurement "m" is type float, ' +
  "already exists as type integer dropped=2";
const beyond =
  "failure writing points to database: partial write: dropped 4 points outside retention policy " +
  "of duration 24h0m0s - oldest point home,room=Living\\ Room at 1970-01-01T00:00:01.541Z " +
  "dropped because it violates a Retention Policy Lower Bound at 2025-05-20T19:06:17.612973Z " +
  "dropped=4 for database: 9f282d63c7d3a5c0 for retention policy: autogen";
const line3 = {
  original_line: "home,room=Sunroom temp=hi 1735549200",
  line_number: 2,
  error_message: "invalid column type for column 'temp', expected iox::column_type::field::float",
};
const partial3 = "partial write of line protocol occurred";
const hundred = Array.from({ length: 100 }, (_, at) => ({ ...line3, line_number: at + 1 }));
const hundredNamed = `lines [${hundred.map((_, at) => at).join(" ")}], rest unknown`;

/** Engine, status, body, meaning, Retry-After. */
type Known = readonly [string, number, string, string, string?];

const known: readonly Known[] = [
  // Taken.
  ["all", 204, "", "stored"],
  ["QuestDB", 200, "", "stored"],
  ["a gateway", 201, "", "stored"],
  ["a gateway", 202, "queued", "stored"],
  ["Enterprise", 500, error("write failed: hinted handoff queue not empty"), "stored"],
  // Some lines, or all.
  ["1.x", 400, error(conflict), `${bisect}, dropped 2`],
  ["1.x", 400, error("partial write: unable to parse 'x': missing fields dropped=0"), bisect],
  ["1.x", 400, error("unable to parse 'x': missing fields"), bisect],
  ["1.x", 400, error("field type conflict"), bisect],
  [
    "1.x",
    400,
    error("partial write: points beyond retention policy dropped=1"),
    `${bisect}, dropped 1`,
  ],
  [
    "1.x",
    400,
    error("partial write: max-series-per-database limit exceeded: (10) dropped=6000"),
    `${bisect}, dropped 6000`,
  ],
  [
    "1.x",
    400,
    error("partial write: max-values-per-tag limit exceeded (100001/100000): dropped=1"),
    `${bisect}, dropped 1`,
  ],
  ["2", 400, two("invalid", "unable to parse 'm f=': missing field value"), bisect],
  ["2", 422, two("unprocessable entity", beyond), `${bisect}, dropped 4`],
  [
    "2",
    422,
    two("unprocessable entity", `failure writing points to database: ${conflict} for database: x`),
    `${bisect}, dropped 2`,
  ],
  ["3", 400, JSON.stringify({ error: partial3, data: [line3] }), "lines [1], rest stored"],
  ["3", 400, JSON.stringify({ error: partial3, data: hundred }), hundredNamed],
  [
    "3, accept_partial=false",
    400,
    JSON.stringify({ error: "parsing failed for write_lp endpoint", data: line3 }),
    "lines [1], rest unknown",
  ],
  ["3, columns", 422, error("Adding columns would exceed limit of 500 columns per table"), bisect],
  [
    "QuestDB",
    400,
    JSON.stringify({ code: "invalid", message: "failed to parse", line: 3, errorId: "a-1" }),
    "lines [2], rest unknown",
  ],
  ["GreptimeDB", 400, JSON.stringify({ code: 1004, error: "Invalid line protocol" }), bisect],
  [
    "TDengine",
    400,
    JSON.stringify({ code: "invalid", err: "parse error", line: 1, message: "", op: "write" }),
    "lines [0], rest unknown",
  ],
  [
    "VictoriaMetrics",
    400,
    'error in "/write": cannot parse influx line "m f=": missing value',
    bisect,
  ],
  // Credentials.
  ["1.x", 401, error("authorization failed"), "E_STORE_CONFIG"],
  ["1.x", 403, error('"hub" user is not authorized to write to database "x"'), "E_STORE_CONFIG"],
  ["2", 401, two("unauthorized", "unauthorized access"), "E_STORE_CONFIG"],
  // Where to.
  ["1.x", 404, error('database not found: "x"'), "missing"],
  ["2", 404, two("not found", 'bucket "x" not found'), "missing"],
  ["3", 404, error("database not found: x"), "missing"],
  ["2", 404, two("not found", 'organization name "x" not found'), "E_STORE_CONFIG"],
  ["another server", 404, "404 page not found\n", "E_STORE_CONFIG"],
  ["1.x", 500, error("retention policy not found: raw"), "E_STORE_CONFIG"],
  ["1.x", 500, error('database not found: "x"'), "E_STORE_CONFIG"],
  [
    "3 Core",
    422,
    error("Adding a new database would exceed limit of 5 databases"),
    "E_STORE_CONFIG",
  ],
  ["1.x", 400, error("database is required"), "E_STORE_CONFIG"],
  ["2", 400, two("invalid", "org or orgID is required"), "E_STORE_CONFIG"],
  ["1.8", 400, error('invalid precision "x" (use n, u, ms, s, m or h)'), "E_STORE_CONFIG"],
  ["Enterprise", 400, error("invalid consistency level"), "E_STORE_CONFIG"],
  // Size.
  ["1.x", 413, error("Request Entity Too Large"), "large"],
  ["a proxy", 413, "<html>", "large"],
  // Not now.
  ["a proxy", 408, "", "E_STORE_DOWN"],
  ["a proxy", 425, "", "E_STORE_DOWN"],
  ["Cloud", 429, two("too many requests", "rate limit"), "E_STORE_DOWN after 2000", "2"],
  ["Cloud", 429, "", "E_STORE_DOWN after 30000", "Thu, 01 Jan 2026 00:00:30 GMT"],
  ["a proxy", 429, "", "E_STORE_DOWN after 300000", "86400"],
  ["a proxy", 429, "", "E_STORE_DOWN", "soon"],
  ["1.x", 500, error("timeout"), "E_STORE_DOWN"],
  ["1.x", 500, error("engine: cache-max-memory-size exceeded: (2/1)"), "E_STORE_DOWN"],
  ["a proxy", 502, "bad gateway", "E_STORE_DOWN"],
  ["1.x", 503, "", "E_STORE_DOWN"],
  ["3", 503, error("not ready"), "E_STORE_DOWN after 1000", "1"],
  ["a proxy", 504, "", "E_STORE_DOWN"],
  // Never.
  ["a proxy", 431, "", "E_STORE_CONFIG"],
  ["a proxy", 501, "", "E_STORE_CONFIG"],
  ["a proxy", 505, "", "E_STORE_CONFIG"],
  ["a proxy", 405, "", "E_STORE_CONFIG"],
  ["a proxy", 301, "", "E_STORE_CONFIG"],
  // Bodies that are not the server's own.
  ["a proxy", 400, "<html>The plain HTTP request was sent to HTTPS port</html>", "E_STORE_CONFIG"],
  ["a proxy", 400, "", "E_STORE_CONFIG"],
  ["a proxy", 400, '{"error": 5}', "E_STORE_CONFIG"],
  ["a proxy", 400, '["error"]', "E_STORE_CONFIG"],
  ["a proxy", 400, '{"error": "cut', "E_STORE_CONFIG"],
];

const now = Date.UTC(2026, 0, 1);

const rows = known.map(([engine, status, body, meaning, retryAfter]) => {
  return { engine, meaning, answer: { status, body, retryAfter } };
});

test.each(rows)("$engine $answer.status $answer.body: $meaning", ({ answer, meaning }) => {
  expect(shown(verdictOf(answer, now))).toBe(meaning);
});

test("an answer from the past asks for no wait, and a long sentence is cut", () => {
  const past = { status: 503, body: "x".repeat(9000), retryAfter: "Wed, 31 Dec 2025 00:00:00 GMT" };
  const verdict = verdictOf(past, now);
  expect(shown(verdict)).toBe("E_STORE_DOWN after 0");
  expect(verdict.kind === "failed" && verdict.error.message.length).toBeLessThan(400);
});

test("numbers that name no line name none", () => {
  const data = [
    { ...line3, line_number: 0 },
    { ...line3, line_number: "2" },
    { line_number: 2 },
    7,
  ];
  const body = JSON.stringify({ error: partial3, data });
  expect(shown(verdictOf({ status: 400, body, retryAfter: undefined }, now))).toBe(bisect);
});

test("each row of the table decides one of the answers above", () => {
  const deciding = rows.map(({ answer }) => rowFor(answer));
  expect(new Set(deciding)).toEqual(new Set(answerTable));
});
