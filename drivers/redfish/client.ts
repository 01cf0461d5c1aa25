/**
 * One Redfish service: a session of its own (or Basic), answers as JSON, and what a refusal means.
 * Controllers have few places for sessions: one is opened when first needed, opened again once when
 * the service has forgotten it, and closed at the end. [DSP0266 session login]
 */
import type { Clock, Code } from "../../telemetry/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import type { DeviceAnswer, DeviceRequest } from "../transport/http.ts";
import { HttpClient } from "../transport/http.ts";
import type { Json } from "./json.ts";
import { linkOf, member, pathOf, record, rootPath, textOf } from "./json.ts";
import type { RedfishOptions } from "./options.ts";
import { ServiceStatus } from "./status.ts";

/** Longer is no resource of a controller; a longer one would hold up all else. @unit bytes */
const maxBody = 2 * 1024 * 1024;

/** Redirects followed for one resource. */
const maxHops = 2;

/** How long a login under way and the logout may take at the end. @unit ms */
const farewell = 3000;

const usualSessions = "/redfish/v1/SessionService/Sessions";

interface Login {
  readonly token: string;
  /** What to delete at the end. */
  readonly session: string | undefined;
}

export class RedfishClient implements AsyncDisposable {
  readonly #options: RedfishOptions;
  readonly #clock: Pick<Clock, "after">;
  readonly #http: HttpClient;
  /** Ends all that is under way, a login too. */
  readonly #ending = new AbortController();
  /** The login there is, or that is under way: one that is cut off would leave a session behind. */
  #login: Promise<Login | undefined> | undefined;
  #gone: Promise<void> | undefined;
  #sessions = usualSessions;

  constructor(options: RedfishOptions, clock: Pick<Clock, "after">) {
    this.#options = options;
    this.#clock = clock;
    this.#http = this.#clientOf();
  }

  /** Host and port, for messages. */
  get name(): string {
    return this.#http.name;
  }

  /**
   * A resource.
   * @throws E_LOGIN, E_DEVICE_REFUSED, E_DEVICE_FRAME, and what `HttpClient.ask` throws
   */
  async get(path: string, signal: AbortSignal): Promise<Json> {
    let at = path;
    for (let hop = 0; ; hop += 1) {
      const answer = await this.send({ path: at }, signal);
      const next = answer.status >= 300 && answer.status < 400 ? this.#movedTo(answer) : undefined;
      if (next === undefined || hop === maxHops) return this.#jsonOf(at, answer);
      at = next;
    }
  }

  /**
   * Asks with what shows who we are; logs in first where needed, and again when that has run out.
   * @throws E_LOGIN, and what `HttpClient.ask` throws
   */
  async send(request: DeviceRequest, signal: AbortSignal): Promise<DeviceAnswer> {
    // The root needs none, and says where sessions are made.
    const open = request.path === rootPath && this.#login === undefined;
    const login = open ? undefined : await this.authorized(signal);
    const answer = await this.#ask(request, login?.token, signal);
    if (answer.status !== 401) return answer;
    if (login !== undefined) await this.#forget(login);
    else if (!open) throw this.#refused("E_LOGIN", request, answer);
    const renewed = await this.authorized(signal);
    const second = await this.#ask(request, renewed?.token, signal);
    if (second.status === 401) throw this.#refused("E_LOGIN", request, second);
    return second;
  }

  /** The login in force. Giving up the wait does not give up the login. */
  authorized(signal: AbortSignal): Promise<Login | undefined> {
    if (this.#options.user === undefined || this.#options.login === "basic") {
      return Promise.resolve(undefined);
    }
    this.#login ??= this.#logIn().catch((error: unknown) => {
      this.#login = undefined;
      throw error;
    });
    return unlessAborted(this.#login, signal, this.name);
  }

  /** Headers and a client of its own for a connection that stays open. */
  async separate(
    signal: AbortSignal,
  ): Promise<{ readonly http: HttpClient; readonly headers: Record<string, string> }> {
    const login = await this.authorized(signal);
    return {
      http: this.#clientOf(),
      headers: login === undefined ? {} : { "x-auth-token": login.token },
    };
  }

  /** What the service's root says of where sessions are made. */
  learn(root: Json): void {
    this.#sessions = linkOf(root, "Links/Sessions") ?? usualSessions;
  }

  /** Logs out; harmless twice. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#gone ??= this.#leave();
    return this.#gone;
  }

  async #leave(): Promise<void> {
    const patience = new AbortController();
    const timer = this.#clock.after(farewell, () => {
      patience.abort();
      this.#ending.abort();
    });
    try {
      const login = await this.#login?.catch(() => undefined);
      if (login !== undefined) await this.#logOut(login, patience.signal);
    } finally {
      timer.cancel();
      this.#ending.abort();
      this.#http[Symbol.dispose]();
    }
  }

  #clientOf(): HttpClient {
    const { user, password, ...rest } = this.#options;
    const basic = this.#options.login === "basic";
    return new HttpClient(basic ? { ...rest, user, password } : rest, this.#clock);
  }

  async #logIn(): Promise<Login> {
    const { user, password } = this.#options;
    const body = JSON.stringify({ UserName: user, Password: password?.reveal() ?? "" });
    const headers = { "content-type": "application/json", accept: "application/json" };
    const request = { method: "POST", path: this.#sessions, headers, body } as const;
    // Not the signal of who reads: see `#login`.
    const answer = await this.#http.ask({ ...request, limit: maxBody }, this.#ending.signal);
    const { status } = answer;
    const token = answer.headers["x-auth-token"];
    const session = this.#movedTo(answer) ?? linkOf(parsed(answer.body));
    if (status >= 200 && status < 300 && typeof token === "string") return { token, session };
    if (status === 404 || status === 405) {
      const why = `${this.name}: it makes no sessions (status ${status}): set login: basic`;
      throw new GatewayError("E_LOGIN", why, { cause: new ServiceStatus(status, true) });
    }
    const denied = [400, 401, 403].includes(status);
    throw this.#refused(denied ? "E_LOGIN" : "E_DEVICE_REFUSED", request, answer);
  }

  async #logOut({ token, session }: Login, signal: AbortSignal): Promise<void> {
    if (session === undefined) return;
    // The service ends it by itself after a while, if this fails.
    const request = {
      method: "DELETE",
      path: session,
      headers: { "x-auth-token": token },
    } as const;
    await this.#http.ask(request, signal).catch(() => undefined);
  }

  /** Another request may have logged in again meanwhile. */
  async #forget(login: Login): Promise<void> {
    const current = this.#login;
    const known = await current?.catch(() => undefined);
    if (known === login && this.#login === current) this.#login = undefined;
  }

  async #ask(
    request: DeviceRequest,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<DeviceAnswer> {
    const headers = {
      accept: "application/json",
      "odata-version": "4.0",
      ...(token === undefined ? {} : { "x-auth-token": token }),
      ...request.headers,
    };
    const whole = { limit: maxBody, ...request, headers };
    const either = AbortSignal.any([signal, this.#ending.signal]);
    try {
      return await this.#http.ask(whole, either);
    } catch (error) {
      // A kept connection that the service closed just then; reading again does no harm.
      const cut = error instanceof GatewayError && error.code === "E_DISCONNECTED";
      if (!cut || either.aborted || (request.method ?? "GET") !== "GET") throw error;
      return this.#http.ask(whole, either);
    }
  }

  #movedTo({ headers }: DeviceAnswer): string | undefined {
    const { location } = headers;
    if (location === undefined || !URL.canParse(location, "http://here")) return undefined;
    const { pathname, search } = new URL(location, "http://here");
    const below = new URL(this.#options.url).pathname.replace(/\/+$/, "");
    const path = pathname.startsWith(below) ? pathname.slice(below.length) : pathname;
    return pathOf(`${path}${search}`);
  }

  #jsonOf(path: string, answer: DeviceAnswer): Json {
    const { status, body } = answer;
    if (status === 403) throw this.#refused("E_LOGIN", { path }, answer);
    if (status !== 200) throw this.#refused("E_DEVICE_REFUSED", { path }, answer);
    try {
      return jsonOf(body);
    } catch (cause) {
      const why = `${this.name}: ${path}: no JSON: ${messageOf(cause).slice(0, 200)}`;
      throw new GatewayError("E_DEVICE_FRAME", why, { cause });
    }
  }

  #refused(
    code: Code,
    { method = "GET", path }: DeviceRequest,
    answer: DeviceAnswer,
  ): GatewayError {
    const { status, headers, body } = answer;
    const info = member(parsed(body), "error/@Message.ExtendedInfo/0/Message");
    const said = textOf(info) ?? textOf(member(parsed(body), "error/message"));
    const why = said === undefined ? "" : `: ${said.slice(0, 200)}`;
    const seconds = Number(headers["retry-after"]);
    const wait = seconds > 0 && seconds < 86_400 ? { retryAfterMs: seconds * 1000 } : {};
    return new GatewayError(code, `${this.name}: ${method} ${path}: status ${status}${why}`, {
      ...wait,
      cause: new ServiceStatus(status, path === this.#sessions),
    });
  }
}

/** The object in a text. @throws SyntaxError */
function jsonOf(body: string): Json {
  const value: unknown = JSON.parse(body);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return record(value);
  throw new SyntaxError("not an object");
}

function parsed(body: string): Json {
  try {
    return jsonOf(body);
  } catch {
    return {};
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, name: string): Promise<T> {
  const givenUp = (): GatewayError =>
    new GatewayError("E_DISCONNECTED", `${name}: the request was given up`);
  if (signal.aborted) return Promise.reject(givenUp());
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(givenUp());
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
