/** A small HTTP server for tests of the engines: it keeps requests and answers by a script. */
import { once } from "node:events";
import http from "node:http";
import { gunzipSync } from "node:zlib";
import { portOf } from "../ports.ts";

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

export interface HttpServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: Request[];
}

/** Starts it on a free port of 127.0.0.1. */
export async function serve(
  answerTo: (request: Request, nth: number) => Answer,
): Promise<HttpServer> {
  const requests: Request[] = [];
  const server = http.createServer((incoming, outgoing) => {
    const pieces: Buffer[] = [];
    incoming.on("data", (piece: Buffer) => pieces.push(piece));
    incoming.on("end", () => {
      const bytes = Buffer.concat(pieces);
      const zipped = incoming.headers["content-encoding"] === "gzip";
      const body = (zipped ? gunzipSync(bytes) : bytes).toString();
      const { method = "", url = "", headers } = incoming;
      const request = { method, path: url, headers, body };
      requests.push(request);
      const answer = answerTo(request, requests.length);
      outgoing.writeHead(answer.status, answer.headers);
      outgoing.end(answer.status === 204 ? undefined : (answer.body ?? ""));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
