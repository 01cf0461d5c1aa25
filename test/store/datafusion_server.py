"""
A stand-in for InfluxDB 3 where there is none: /api/v3/write_lp and /api/v3/query_sql over HTTP.
The SQL is run by Apache DataFusion, the engine inside InfluxDB 3, on tables laid out as InfluxDB 3
lays them out (time in ns, tags as dictionaries). Only the writing is imitated: types fixed for a
table, lines refused one by one, rows merged by tags and time. Prints its port.
"""
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import pyarrow as pa
from datafusion import SessionConfig, SessionContext

ARROW = {"float": pa.float64(), "integer": pa.int64(), "text": pa.utf8()}
databases = {}


class Table:
    def __init__(self):
        self.tags, self.fields, self.rows = {}, {}, {}

    def arrow(self):
        rows = list(self.rows.values())
        columns = {"time": pa.array([row["time"] for row in rows], pa.timestamp("ns"))}
        for name in self.tags:
            columns[name] = pa.array([row.get(name) for row in rows], pa.utf8()).dictionary_encode()
        for name, kind in self.fields.items():
            columns[name] = pa.array([row.get(name) for row in rows], ARROW[kind])
        return pa.table(columns)


def split(text, at):
    """Splits at a character that no backslash stands before and no quotes surround."""
    parts, current, quoted, i = [], "", False, 0
    while i < len(text):
        c = text[i]
        if c == "\\" and i + 1 < len(text):
            current += text[i : i + 2]
            i += 2
            continue
        if c == '"' and at != "=":
            quoted = not quoted
        if c == at and not quoted:
            parts.append(current)
            current = ""
        else:
            current += c
        i += 1
    return parts + [current]


def unescape(text):
    return re.sub(r"\\([,= ])", r"\1", text)


def value_of(text):
    if text.startswith('"') and text.endswith('"'):
        return "text", re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if re.fullmatch(r"-?\d+i", text):
        return "integer", int(text[:-1])
    return "float", float(text)


def head_and_rest(line):
    """The series ends at the first bare space; quotes mean nothing before it."""
    i = 0
    while i < len(line) and line[i] != " ":
        i += 2 if line[i] == "\\" else 1
    return line[:i], line[i + 1 :]


def parts_of(text, at):
    """Splits a series, in which quotes are plain characters."""
    parts, current, i = [], "", 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            current += text[i : i + 2]
            i += 2
            continue
        if text[i] == at:
            parts.append(current)
            current = ""
        else:
            current += text[i]
        i += 1
    return parts + [current]


def take(database, line):
    """Stores a line; returns the sentence that refuses it, or None."""
    head, rest = head_and_rest(line)
    name, *tags = parts_of(head, ",")
    fieldset, _, time = rest.rpartition(" ")
    tags = {unescape(k): unescape(v) for k, v in (parts_of(tag, "=") for tag in tags)}
    fields = {}
    for part in split(fieldset, ","):
        key, _, text = part.partition("=")
        fields[unescape(key)] = value_of(text)
    table = database.get(unescape(name)) or Table()
    for key, (kind, _) in fields.items():
        known = "tag" if key in table.tags else table.fields.get(key, kind)
        if known != kind:
            return f"invalid column type for column '{key}', expected {known}, got {kind}"
    for key in tags:
        if key in table.fields:
            return f"invalid column type for column '{key}', expected field, got tag"
    database[unescape(name)] = table
    for key in tags:
        table.tags[key] = True
    identity = (tuple(sorted(tags.items())), int(time))
    row = table.rows.setdefault(identity, {"time": int(time) * 1_000_000, **tags})
    for key, (kind, value) in fields.items():
        table.fields[key] = kind
        row[key] = value
    return None


def query(database, sql):
    config = SessionConfig().with_information_schema(True)
    context = SessionContext(config.with_default_catalog_and_schema("public", "iox"))
    for name, table in database.items():
        quoted = '"' + name.replace('"', '""') + '"'
        context.register_record_batches(quoted, [table.arrow().to_batches()])
    return context.sql(sql).to_arrow_table().to_pylist()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        url = urlparse(self.path)
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if url.path == "/api/v3/write_lp":
            asked = parse_qs(url.query)
            assert asked["precision"] == ["millisecond"] and asked["accept_partial"] == ["true"]
            return self.write(databases.setdefault(asked["db"][0], {}), body)
        asked = json.loads(body)
        if asked["db"] not in databases:
            return self.answer(404, json.dumps({"error": "database not found: " + asked["db"]}))
        try:
            rows = query(databases[asked["db"]], asked["q"])
        except Exception as error:
            return self.answer(400, json.dumps({"error": str(error)}))
        shown = [{k: v for k, v in row.items() if v is not None} for row in rows]
        return self.answer(200, "".join(json.dumps(row) + "\n" for row in shown))

    def write(self, database, body):
        refused = []
        for number, line in enumerate(body.split("\n"), 1):
            problem = take(database, line)
            if problem is not None:
                entry = {"original_line": line, "line_number": number, "error_message": problem}
                refused.append(entry)
        if not refused:
            return self.answer(204, "")
        error = "partial write of line protocol occurred"
        return self.answer(400, json.dumps({"error": error, "data": refused[:100]}))

    def answer(self, status, text):
        data = text.encode()
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
