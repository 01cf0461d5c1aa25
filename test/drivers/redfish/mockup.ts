/**
 * A Redfish service for tests, after the schemas of the DMTF: a folder of `index.json`, as mockups
 * are published, or a tree in memory. It has sessions, `$expand`, a stream of events and
 * subscriptions, and does wrong where a test says so.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { isRecord } from "../../../telemetry/index.ts";
import { portOf } from "../../ports.ts";

export type Tree = Map<string, Record<string, unknown>>;

/** What goes wrong with one path. */
export type Wrong = "hang" | "500" | "garbage" | "drop" | "404" | "403" | "not-an-object";

/** The tree of a folder whose `index.json` files stand below `/redfish/v1`. */
export function treeOf(folder: string): Tree {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted();
  const tree: Tree = new Map();
  for (const file of files.filter((name) => name.endsWith("index.json"))) {
    const body: unknown = JSON.parse(readFileSync(join(folder, file), "utf8"));
    const below = dirname(file);
    if (isRecord(body)) tree.set(below === "." ? "/redfish/v1" : `/redfish/v1/${below}`, body);
  }
  return tree;
}

export interface MockupOptions {
  /** Without one nobody needs to log in. */
  readonly password?: string;
}

interface Session {
  readonly token: string;
  readonly path: string;
}

export class Mockup implements AsyncDisposable {
  readonly tree: Tree;
  readonly wrong = new Map<string, Wrong>();
  /** `GET /redfish/v1/`, in order. */
  readonly requests: string[] = [];
  readonly sessions: Session[] = [];
  readonly subscriptions: { path: string; body: Record<string, unknown> }[] = [];
  readonly streams = new Set<ServerResponse>();
  /** Answers nothing while it is set. */
  silent = false;
  logins = 0;
  /** What a login is refused with, whatever the password. */
  noLogin: number | undefined;
  readonly #options: MockupOptions;
  readonly #server: Server;
  #made = 0;

  private constructor(tree: Tree, options: MockupOptions) {
    this.tree = tree;
    this.#options = options;
    this.#server = createServer((call, answer) => {
      void this.#answer(call, answer);
    });
  }

  static async start(tree: Tree, options: MockupOptions = {}): Promise<Mockup> {
    const mockup = new Mockup(tree, options);
    mockup.#server.listen(0, "127.0.0.1");
    await once(mockup.#server, "listening");
    return mockup;
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server.address())}`;
  }

  /** Sends an event to all who follow the stream. */
  stream(event: unknown): void {
    const lines = JSON.stringify(event, undefined, 1).split("\n");
    for (const one of this.streams) one.write(`${lines.map((l) => `data: ${l}`).join("\n")}\n\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(call: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = "", url = "" } = call;
    let text = "";
    for await (const piece of call) text += String(piece);
    this.requests.push(`${method} ${url}`);
    if (this.silent) return;
    const path = url.replace(/\?.*$/, "").replace(/(.)\/$/, "$1");
    if (method === "POST" && path === "/redfish/v1/SessionService/Sessions") {
      return this.#logIn(text, answer);
    }
    if (path !== "/redfish/v1" && !this.#knows(call)) return void answer.writeHead(401).end();
    if (this.#doesWrong(this.wrong.get(path), answer)) return;
    if (method === "POST") return this.#subscribe(path, text, answer);
    if (method === "DELETE") return this.#delete(path, answer);
    if (path === this.tree.get("/redfish/v1/EventService")?.["ServerSentEventUri"]) {
      this.streams.add(answer);
      answer.once("close", () => this.streams.delete(answer));
      return void answer
        .writeHead(200, { "content-type": "text/event-stream" })
        .write(": hello\n\n");
    }
    const body = this.#bodyOf(path);
    if (body === undefined) return void answer.writeHead(404).end(errorText);
    const whole = url.includes("$expand") ? this.#expanded(body) : body;
    answer.writeHead(200, { "content-type": "application/json", etag: 'W/"1"' });
    answer.end(JSON.stringify(whole));
  }

  #bodyOf(path: string): Record<string, unknown> | undefined {
    const subscription = this.subscriptions.find((one) => one.path === path);
    if (subscription !== undefined) return subscription.body;
    if (path === "/redfish/v1/EventService/Subscriptions") {
      return { Members: this.subscriptions.map((one) => ({ "@odata.id": one.path })) };
    }
    return this.tree.get(path);
  }

  #expanded(body: Record<string, unknown>): unknown {
    const { Members: members } = body;
    if (!Array.isArray(members)) return body;
    const whole = members.map((one: unknown) => {
      const path = isRecord(one) ? String(one["@odata.id"]) : "";
      return this.tree.get(path) ?? one;
    });
    return { ...body, Members: whole };
  }

  #logIn(text: string, answer: ServerResponse): void {
    const given: unknown = JSON.parse(text);
    const { password } = this.#options;
    if (this.noLogin !== undefined) return void answer.writeHead(this.noLogin).end(errorText);
    if (!isRecord(given) || given["Password"] !== password) {
      return void answer.writeHead(401).end(errorText);
    }
    this.#made += 1;
    this.logins += 1;
    const path = `/redfish/v1/SessionService/Sessions/${this.#made}`;
    const token = `token-${this.#made}`;
    this.sessions.push({ token, path });
    answer.writeHead(201, { "x-auth-token": token, location: `${this.url}${path}` });
    answer.end(JSON.stringify({ "@odata.id": path, UserName: given["UserName"] }));
  }

  #knows({ headers }: IncomingMessage): boolean {
    const { password } = this.#options;
    if (password === undefined) return true;
    const basic = `Basic ${Buffer.from(`monitor:${password}`).toString("base64")}`;
    if (headers.authorization === basic) return true;
    return this.sessions.some(({ token }) => token === headers["x-auth-token"]);
  }

  #doesWrong(wrong: Wrong | undefined, answer: ServerResponse): boolean {
    if (wrong === undefined) return false;
    if (wrong === "drop") answer.destroy();
    else if (wrong === "garbage") answer.writeHead(200).end('{"Reading": 12');
    else if (wrong === "not-an-object") answer.writeHead(200).end("[1, 2]");
    else if (wrong !== "hang") answer.writeHead(Number(wrong)).end(errorText);
    return true;
  }

  #subscribe(path: string, text: string, answer: ServerResponse): void {
    const body: unknown = JSON.parse(text);
    if (!path.endsWith("/Subscriptions") || !isRecord(body))
      return void answer.writeHead(405).end();
    this.#made += 1;
    const made = `${path}/${this.#made}`;
    this.subscriptions.push({ path: made, body });
    answer.writeHead(201, { location: made }).end();
  }

  #delete(path: string, answer: ServerResponse): void {
    for (const list of [this.sessions, this.subscriptions]) {
      const index = list.findIndex((one) => one.path === path);
      if (index < 0) continue;
      list.splice(index, 1);
      return void answer.writeHead(204).end();
    }
    answer.writeHead(404).end();
  }
}

const errorText = JSON.stringify({
  error: { code: "Base.1.0.GeneralError", message: "It cannot be done." },
});
