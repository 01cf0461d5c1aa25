/** Mail to a server nobody here wrote (aiosmtpd): the exam, TLS, logins. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { notifierOf } from "../../alerts/notifiers/registry.ts";
import { clock } from "../../cli/platform.ts";
import { isRecord } from "../../telemetry/index.ts";
import { parseNotify } from "../alerts/notifiers/rig.ts";
import { authority } from "../certificates.ts";
import { eventNamed, messageOf, notifierExam } from "../contract/notifier.ts";
import { needsPython } from "../peers.ts";
import { freePort } from "../ports.ts";
import { startPython } from "./python.ts";

const isThere = needsPython("aiosmtpd", "python3-aiosmtpd");
const never = new AbortController().signal;
type Mail = Readonly<Record<string, unknown>>;

async function mailServer(...tls: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-smtp-"));
  const file = join(folder, "mails");
  const port = await freePort();
  const server = await startPython("smtp_server.py", [`${port}`, file, ...tls]);
  return {
    port,
    turn: (mood: string) => writeFile(`${file}.mood`, mood),
    async mails(): Promise<Mail[]> {
      const lines = (await readFile(file, "utf8").catch(() => "")).trim().split("\n");
      return lines.filter((line) => line !== "").map((line) => recordIn(JSON.parse(line)));
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function recordIn(value: unknown): Mail {
  if (!isRecord(value)) throw new Error("no mail");
  return value;
}

function smtp(port: number, more: string) {
  const mail = `from: rackstreet@example.org, to: [a@example.org, b@example.org]`;
  const { it: options } = parseNotify(
    `it: { kind: smtp, host: 127.0.0.1, port: ${port}, ${mail}, ${more} }`,
  );
  if (options === undefined) throw new Error("no notifier");
  return notifierOf(options, { clock });
}

/** Its subject and its text, decoded. */
function readable({ data }: Mail): string {
  const [head = "", ...body] = String(data).split("\r\n\r\n");
  const text = body.join("\r\n\r\n");
  const encoded = /content-transfer-encoding: (\S+)/i.exec(head)?.[1] ?? "7bit";
  const subject = /subject: (.*(?:\r\n\s.*)*)/i.exec(head)?.[1] ?? "";
  return `${subject}\n${decoded(encoded, text)}`;
}

function decoded(encoding: string, text: string): string {
  if (encoding === "base64") return Buffer.from(text, "base64").toString("utf8");
  if (encoding !== "quoted-printable") return text;
  const bytes = text
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

describe.skipIf(!isThere)("smtp", { timeout: 60_000 }, () => {
  notifierExam({
    name: "smtp",
    async start() {
      const server = await mailServer();
      return {
        notifier: smtp(server.port, "tls: never"),
        received: async () => (await server.mails()).map(readable),
        turn: (mood) => server.turn(mood),
        secrets: [],
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  });

  it.each(["starttls", "always"])("with %s logs in, and goes to everybody", async (tls) => {
    await using trust = await authority();
    const { cert, key } = await trust.certify("mail");
    await using server = await mailServer(cert, key, tls);
    const options = `tls: ${tls}, ca: "${trust.ca}", user: rackstreet, password: right`;
    await smtp(server.port, options).send(messageOf([eventNamed("t1")]), never);
    const [mail] = await server.mails();
    expect(mail).toMatchObject({
      from: "rackstreet@example.org",
      to: ["a@example.org", "b@example.org"],
      tls: true,
      login: true,
    });
    expect(readable(mail ?? {})).toContain("[warning] rack-hot fires: t1, hall-1");
    expect(String(mail?.["data"])).toContain("<m-id-t1-firing@example.org>");
  });

  it("tells a wrong password and keeps it to itself", async () => {
    await using trust = await authority();
    const { cert, key } = await trust.certify("mail");
    await using server = await mailServer(cert, key, "starttls");
    const options = `ca: "${trust.ca}", user: rackstreet, password: wr0ng`;
    const sent = smtp(server.port, options).send(messageOf([]), never);
    await expect(sent).rejects.toMatchObject({ code: "E_LOGIN" });
    await expect(sent).rejects.not.toThrow("wr0ng");
  });

  it("sends nothing where the certificate is not trusted, or there is no TLS", async () => {
    await using trust = await authority();
    const { cert, key } = await trust.certify("mail");
    await using server = await mailServer(cert, key, "starttls");
    const login = "user: rackstreet, password: right";
    const strict = smtp(server.port, login).send(messageOf([]), never);
    await expect(strict).rejects.toMatchObject({ code: "E_CERTIFICATE" });
    expect(await server.mails()).toEqual([]);
    await using open = await mailServer();
    const clear = smtp(open.port, login).send(messageOf([]), never);
    await expect(clear).rejects.toMatchObject({ code: "E_NOTIFY" });
    expect(await open.mails()).toEqual([]);
  });
});
