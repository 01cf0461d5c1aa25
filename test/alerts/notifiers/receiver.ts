/** An HTTP server that keeps what it is posted and does as a test says. */
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { Mood } from "../../contract/notifier.ts";
import { portOf } from "../../ports.ts";

export interface Posted {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpReceiver extends AsyncDisposable {
  readonly port: number;
  readonly posts: readonly Posted[];
  turn(mood: Mood): void;
  /** The next answers are of this kind. */
  answer(status: number, headers?: http.OutgoingHttpHeaders): void;
}

const statuses = { takes: 200, fails: 503, refuses: 400 } as const;

export async function httpReceiver(tls?: https.ServerOptions): Promise<HttpReceiver> {
  const posts: Posted[] = [];
  let mood: Mood = "takes";
  let next: { status: number; headers: http.OutgoingHttpHeaders } | undefined;
  const listener: http.RequestListener = (request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (piece: string) => (body += piece));
    request.on("end", () => {
      if (mood === "hangs") return;
      const { status, headers } = next ?? { status: statuses[mood], headers: {} };
      if (status < 300) posts.push({ path: request.url ?? "", headers: request.headers, body });
      response.writeHead(status, headers).end("words of the receiver");
    });
  };
  const server =
    tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server.address()),
    posts,
    turn(wanted) {
      mood = wanted;
      next = undefined;
    },
    answer(status, headers = {}) {
      mood = "takes";
      next = { status, headers };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
