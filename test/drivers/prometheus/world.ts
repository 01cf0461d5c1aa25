/** An exporter as tests want it, on a real port, and devices that read it. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Memory, Session } from "../../../drivers/contract.ts";
import { prometheus } from "../../../drivers/prometheus/index.ts";
import type { Clock } from "../../../telemetry/index.ts";
import { portOf } from "../../ports.ts";
import { contextWith } from "../modbus/world.ts";

/** What an exporter answers. */
export interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly body: string;
}

export interface TestExporter extends AsyncDisposable {
  readonly url: string;
  /** Paths with their queries, in the order in which they were asked for. */
  readonly asked: string[];
  /** Takes requests and answers none. */
  silent: boolean;
  readonly wake: () => void;
}

/** Answers each request with what `answer` says at that moment. */
export async function startExporter(
  answer: (path: string) => Answer | string,
): Promise<TestExporter> {
  const waiting: (readonly [path: string, response: ServerResponse])[] = [];
  const reply = (path: string, response: ServerResponse): void => {
    const said = answer(path);
    const { status = 200, type, body } = typeof said === "string" ? { body: said } : said;
    response.writeHead(status, { "content-type": type ?? "text/plain; version=0.0.4" }).end(body);
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    exporter.asked.push(path);
    if (exporter.silent) waiting.push([path, response]);
    else reply(path, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const exporter: TestExporter = {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    asked: [],
    silent: false,
    wake() {
      exporter.silent = false;
      for (const [path, response] of waiting.splice(0)) reply(path, response);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return exporter;
}

/** A profile's content around the given rows. */
export function profileOf(points: readonly unknown[], header: unknown = {}) {
  return {
    id: "test-exporter",
    vendor: "Test",
    model: "Exporter",
    class: "accelerator",
    driver: "prometheus",
    sources: ["written for a test"],
    confidence: "high",
    header,
    points,
  };
}

export interface Opened extends AsyncDisposable {
  readonly session: Session;
  /** Names of all groups. */
  readonly all: readonly string[];
}

export interface Opening {
  readonly options: unknown;
  readonly profile: unknown;
  readonly memory?: Memory;
  readonly clock?: Clock;
}

/** One device with a driver of its own. */
export async function openDevice({ options, profile, memory, clock }: Opening): Promise<Opened> {
  const context = contextWith();
  const driver = prometheus.create(clock === undefined ? context : { ...context, clock });
  const target = { id: "node-1", options, profile };
  const session = await driver.open(memory === undefined ? target : { ...target, memory });
  return {
    session,
    all: session.groups.map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    },
  };
}

/** What one agent remembers for the next. */
export class TestMemory implements Memory {
  kept: unknown;
  keep(value: unknown): void {
    this.kept = JSON.parse(JSON.stringify(value));
  }
}
