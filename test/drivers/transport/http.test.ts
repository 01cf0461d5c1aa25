/**
 * The HTTP door: answers, deadlines, bounds, broken connections, and whom it trusts. No byte of a
 * request reaches a server whose certificate is wrong.
 */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { RequestListener, Server } from "node:http";
import http from "node:http";
import https from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { clock as realClock } from "../../../cli/platform.ts";
import { v } from "../../../config/index.ts";
import type { DeviceRequest } from "../../../drivers/transport/http.ts";
import { HttpClient } from "../../../drivers/transport/http.ts";
import { httpDeviceOptions } from "../../../drivers/transport/http-options.ts";
import { freePort, portOf } from "../../ports.ts";
import { VirtualClock } from "../../virtual.ts";
import { codeOf, never } from "../modbus/world.ts";

const form = v.object(httpDeviceOptions);
const page: DeviceRequest = { path: "/page" };

function clientOf(options: Readonly<Record<string, unknown>>): HttpClient {
  return new HttpClient(v.parse(form, options), realClock);
}

interface Place extends AsyncDisposable {
  readonly port: number;
  /** Connections made so far. */
  readonly connections: () => number;
}

async function serve(server: Server): Promise<Place> {
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server.address()),
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const plainly = (listener: RequestListener): Promise<Place> => serve(http.createServer(listener));
const hello: RequestListener = (_call, answer) => answer.end("hello");

describe("an answer", () => {
  test("comes with its status and headers, whatever they are", async () => {
    await using place = await plainly((call, answer) => {
      answer.writeHead(418, { "x-kind": "teapot" }).end(`${call.method} ${call.url}`);
    });
    using client = clientOf({ url: `http://127.0.0.1:${place.port}/base/` });
    const answer = await client.ask({ ...page, method: "POST", body: "ä" }, never);
    expect(answer).toMatchObject({ status: 418, body: "POST /base/page" });
    expect(answer.headers["x-kind"]).toBe("teapot");
  });

  test("in chunks is put together, text cut within a character too", async () => {
    await using place = await plainly((_call, answer) => {
      const bytes = Buffer.from("größer");
      answer.write(bytes.subarray(0, 3));
      setImmediate(() => answer.end(bytes.subarray(3)));
    });
    using client = clientOf({ url: `http://127.0.0.1:${place.port}` });
    expect((await client.ask(page, never)).body).toBe("größer");
  });

  test("longer than the limit is E_DEVICE_FRAME, and the connection ends", async () => {
    let closed = false;
    await using place = await plainly((_call, answer) => {
      answer.once("close", () => {
        closed = true;
      });
      const more = (): void => {
        if (!closed) answer.write("x".repeat(1000), () => setImmediate(more));
      };
      more();
    });
    using client = clientOf({ url: `http://127.0.0.1:${place.port}` });
    expect(await codeOf(client.ask({ ...page, limit: 5000 }, never))).toBe("E_DEVICE_FRAME");
    await vi.waitFor(() => expect(closed).toBe(true));
  });

  test("in a coding that nobody asked for is E_DEVICE_FRAME", async () => {
    await using place = await plainly((_call, answer) => {
      answer.writeHead(200, { "content-encoding": "gzip" }).end("x");
    });
    using client = clientOf({ url: `http://127.0.0.1:${place.port}` });
    expect(await codeOf(client.ask(page, never))).toBe("E_DEVICE_FRAME");
  });

  test("that is a redirect is an answer: nothing is sent elsewhere", async () => {
    await using place = await plainly((_call, answer) => {
      answer.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    });
    using client = clientOf({ url: `http://127.0.0.1:${place.port}` });
    expect((await client.ask(page, never)).status).toBe(302);
  });
});

describe("a connection", () => {
  test("is kept, and one at a time", async () => {
    let open = 0;
    let most = 0;
    await using place = await plainly((_call, answer) => {
      open += 1;
      most = Math.max(most, open);
      setImmediate(() => {
        open -= 1;
        answer.end("hello");
      });
    });
    using client = clientOf({ url: `http://127.0.0.1:${place.port}` });
    await Promise.all([client.ask(page, never), client.ask(page, never), client.ask(page, never)]);
    await client.ask(page, never);
    expect([most, place.connections()]).toEqual([1, 1]);
  });

  test("that is cut within an answer is E_DISCONNECTED, and the next one works", async () => {
    let cut = true;
    await using place = await plainly((_call, answer) => {
      if (!cut) return void answer.end("hello");
      cut = false;
      answer.writeHead(200, { "content-length": 100 }).write("half", () => answer.destroy());
    });
    using client = clientOf({ url: `http://127.0.0.1:${place.port}` });
    expect(await codeOf(client.ask(page, never))).toBe("E_DISCONNECTED");
    expect((await client.ask(page, never)).body).toBe("hello");
  });

  test("to nobody is E_CONNECT; to something else than HTTP E_DEVICE_FRAME", async () => {
    using nobody = clientOf({ url: `http://127.0.0.1:${await freePort()}` });
    expect(await codeOf(nobody.ask(page, never))).toBe("E_CONNECT");
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end("220 mail\r\n");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    using other = clientOf({ url: `http://127.0.0.1:${portOf(server.address())}` });
    expect(await codeOf(other.ask(page, never))).toBe("E_DEVICE_FRAME");
    server.close();
  });
});

describe("waiting", () => {
  test.each(["head", "body"])("for a %s that does not come is E_DEVICE_TIMEOUT", async (part) => {
    await using place = await plainly((_call, answer) => {
      if (part === "body") answer.writeHead(200, { "content-length": 9 }).write("half");
    });
    using client = clientOf({ url: `http://127.0.0.1:${place.port}`, timeout: "100ms" });
    expect(await codeOf(client.ask(page, never))).toBe("E_DEVICE_TIMEOUT");
  });

  test("is given up at once, and nothing is asked after that", async () => {
    let asked = 0;
    await using place = await plainly(() => {
      asked += 1;
    });
    const client = clientOf({ url: `http://127.0.0.1:${place.port}` });
    const abort = new AbortController();
    const code = codeOf(client.ask(page, abort.signal));
    await vi.waitFor(() => expect(asked).toBe(1));
    abort.abort();
    expect(await code).toBe("E_DISCONNECTED");
    expect(await codeOf(client.ask(page, abort.signal))).toBe("E_DISCONNECTED");
    client[Symbol.dispose]();
    expect(await codeOf(client.ask(page, never))).toBe("E_DISCONNECTED");
    expect(asked).toBe(1);
  });
});

test("what no request may hold is E_DEVICE_FRAME", async () => {
  await using place = await plainly(hello);
  using client = clientOf({ url: `http://127.0.0.1:${place.port}` });
  expect(await codeOf(client.ask({ path: "/a b" }, never))).toBe("E_DEVICE_FRAME");
  const headers = { "x-token": "a\r\nb: c" };
  expect(await codeOf(client.ask({ ...page, headers }, never))).toBe("E_DEVICE_FRAME");
});

describe("an answer that does not end", () => {
  test("is handed over as it comes, past the deadline, until it is cut", async () => {
    let send = (_text: string): void => undefined;
    await using place = await plainly((_call, answer) => {
      answer.writeHead(200).flushHeaders();
      send = (text) => (text === "" ? answer.destroy() : answer.write(text));
    });
    const clock = new VirtualClock();
    const options = { url: `http://127.0.0.1:${place.port}` };
    using client = new HttpClient(v.parse(form, options), clock);
    let status = 0;
    let body = "";
    const follower = {
      head: (answer: { readonly status: number }): void => {
        ({ status } = answer);
      },
      data: (piece: Uint8Array): void => {
        body += Buffer.from(piece).toString();
      },
    };
    const code = codeOf(client.follow(page, follower, never));
    await vi.waitFor(() => expect(status).toBe(200));
    send("one");
    await vi.waitFor(() => expect(body).toBe("one"));
    await clock.advance(60_000);
    send("two");
    await vi.waitFor(() => expect(body).toBe("onetwo"));
    send("");
    expect(await code).toBe("E_DISCONNECTED");
    const abort = new AbortController();
    const second = codeOf(client.follow(page, follower, abort.signal));
    status = 0;
    await vi.waitFor(() => expect(status).toBe(200));
    abort.abort();
    expect(await second).toBe("E_DISCONNECTED");
  });

  test("has a deadline for its head", async () => {
    await using place = await plainly(() => undefined);
    using client = clientOf({ url: `http://127.0.0.1:${place.port}`, timeout: "100ms" });
    const follower = { head: () => undefined, data: () => undefined };
    expect(await codeOf(client.follow(page, follower, never))).toBe("E_DEVICE_TIMEOUT");
  });
});

/** A folder with an authority, and with a certificate by it for 127.0.0.1 and for another host. */
function makeCertificates(): string {
  const folder = mkdtempSync(join(tmpdir(), "rackstreet-http-"));
  const openssl = (...words: readonly string[]): void => {
    execFileSync("openssl", words, { cwd: folder, stdio: "ignore" });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA");
  for (const [name, host] of [
    ["right", "IP:127.0.0.1"],
    ["other", "DNS:other.example"],
  ] as const) {
    const ext = ["-addext", `subjectAltName=${host}`];
    openssl(
      "req",
      ...key,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      "/CN=bmc",
      ...ext,
    );
    const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy"];
    openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-out", `${name}.pem`);
  }
  return folder;
}

describe("whom it trusts", () => {
  const folder = makeCertificates();
  const file = (name: string): string => join(folder, name);
  const fingerprint = new X509Certificate(readFileSync(file("right.pem"))).fingerprint256;
  const secrets = { user: "monitor", password: "hunter2" };
  afterAll(() => rmSync(folder, { recursive: true }));

  async function secured(name = "right"): Promise<Place & { readonly said: string[] }> {
    const pair = {
      key: readFileSync(file(`${name}.key`)),
      cert: readFileSync(file(`${name}.pem`)),
    };
    const said: string[] = [];
    const server = https.createServer(pair, hello);
    server.on("secureConnection", (socket) => {
      socket.on("error", () => undefined);
      socket.prependListener("data", (bytes: Buffer) => said.push(bytes.toString("latin1")));
    });
    return { ...(await serve(server)), said };
  }

  test("the certificate whose fingerprint is pinned, on each connection", async () => {
    await using place = await secured();
    const url = `https://127.0.0.1:${place.port}`;
    using client = clientOf({ url, fingerprint, ...secrets });
    expect((await client.ask({ ...page, headers: { connection: "close" } }, never)).body).toBe(
      "hello",
    );
    expect((await client.ask(page, never)).body).toBe("hello");
    expect((await client.ask(page, never)).body).toBe("hello");
    expect(place.connections()).toBe(2);
  });

  test("no other: no byte of the request, no Authorization header is sent", async () => {
    await using place = await secured("other");
    const url = `https://127.0.0.1:${place.port}`;
    using client = clientOf({ url, fingerprint, ...secrets });
    const error: unknown = await client
      .ask({ ...page, method: "POST", body: "x" }, never)
      .catch((e) => e);
    expect(error).toMatchObject({ code: "E_CERTIFICATE" });
    const shown = new X509Certificate(readFileSync(file("other.pem"))).fingerprint256;
    expect(String(error)).toContain(shown.replaceAll(":", "").toLowerCase());
    expect(await codeOf(client.ask(page, never))).toBe("E_CERTIFICATE");
    await vi.waitFor(() => expect(place.connections()).toBe(2));
    expect(place.said).toEqual([]);
  });

  test("an authority of one's own, for the host it names", async () => {
    await using right = await secured();
    using client = clientOf({ url: `https://127.0.0.1:${right.port}`, ca: file("ca.pem") });
    expect((await client.ask(page, never)).body).toBe("hello");
    await using other = await secured("other");
    const elsewhere = { url: `https://127.0.0.1:${other.port}`, ca: file("ca.pem"), ...secrets };
    using second = clientOf(elsewhere);
    expect(await codeOf(second.ask(page, never))).toBe("E_CERTIFICATE");
    expect(other.said).toEqual([]);
  });

  test("nobody who signed for himself, and no authority that is not there", async () => {
    await using place = await secured();
    using client = clientOf({ url: `https://127.0.0.1:${place.port}`, ...secrets });
    expect(await codeOf(client.ask(page, never))).toBe("E_CERTIFICATE");
    expect(place.said).toEqual([]);
    using none = clientOf({ url: "https://127.0.0.1", ca: file("none.pem") });
    await expect(none.ask({ path: "/" }, never)).rejects.toThrow("ca: ");
  });

  test("a server that never shows one: the wait ends, and so does the connection", async () => {
    let open = 0;
    const server = createServer((socket) => {
      open += 1;
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open -= 1;
      });
      socket.resume();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `https://127.0.0.1:${portOf(server.address())}`;
    using client = clientOf({ url, fingerprint, timeout: "100ms" });
    expect(await codeOf(client.ask(page, never))).toBe("E_DEVICE_TIMEOUT");
    await vi.waitFor(() => expect(open).toBe(0));
    expect(await codeOf(client.ask(page, never))).toBe("E_DEVICE_TIMEOUT");
    server.close();
  });

  test("a server without TLS is E_CONNECT", async () => {
    await using place = await plainly(hello);
    for (const own of [{}, { fingerprint }]) {
      using client = clientOf({ url: `https://127.0.0.1:${place.port}`, ...own });
      expect(await codeOf(client.ask(page, never))).toBe("E_CONNECT");
    }
  });
});
