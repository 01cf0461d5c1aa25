/**
 * The first certificate of an agent: it comes with a one-time token to a hub that it knows by the
 * fingerprint in the token, and leaves with a certificate for a key that never left its folder.
 */
import type { Address } from "../../config/index.ts";
import { addressText } from "../../config/index.ts";
import type { Certified, Disk, EnrolmentToken, Platform } from "../../telemetry/index.ts";
import {
  decodeCertified,
  encodeEnrol,
  enrollingUser,
  GatewayError,
  messageOf,
  topicOf,
} from "../../telemetry/index.ts";
import { Secret } from "../../config/index.ts";
import { openUplink } from "../uplink.ts";
import type { Validity } from "./identity.ts";
import { nextKey, takeCertificate } from "./identity.ts";
import { connectPinned } from "./pinned.ts";
import { keyName, requestFor } from "./request.ts";

export interface EnrolSetup {
  readonly url: Address;
  readonly token: EnrolmentToken;
  /** The agent's folder. */
  readonly disk: Disk;
}

/** From CONNECT to the certificate. @unit ms */
const patience = 20_000;

/**
 * Gets the certificate and keeps it.
 * @throws E_UPLINK, E_CERTIFICATE, E_ENROLL when the hub refuses, what the disk throws
 */
export async function enrolAgent(
  { url, token, disk }: EnrolSetup,
  platform: Platform,
): Promise<Validity> {
  const key = await nextKey(disk);
  const answer = await ask({ url, token, disk }, requestFor(token.agent, key), {
    platform,
    name: keyName(key),
  });
  if ("certificate" in answer) return takeCertificate(disk, key, answer);
  throw new GatewayError("E_ENROLL", `${answer.refused}; ${answer.remedy}`);
}

async function ask(
  { url, token }: EnrolSetup,
  csr: string,
  { platform, name }: { readonly platform: Platform; readonly name: string },
): Promise<Certified> {
  const { clock, entropy } = platform;
  const [region = "", org = "", site = ""] = token.site.split("/");
  const own = { region, org, site, class: "agent", device: token.agent };
  const answerTopic = topicOf(own, "certificate");
  const socket = await connectPinned(url, token.hub, clock);
  const { promise, resolve, reject } = Promise.withResolvers<Certified>();
  const fail = (why: string, cause?: unknown): void => {
    reject(new GatewayError("E_UPLINK", `${addressText(url)}: ${why}`, { cause }));
  };
  const timer = clock.after(patience, () => fail("no answer within 20 s"));
  const link = openUplink(
    { url, clientId: `rackstreet-enrolling-${entropy.id()}`, subscribe: [answerTopic] },
    { username: enrollingUser(token.id), password: new Secret(token.secret), keepalive: 30_000 },
    {
      platform,
      dial: () => socket,
      events: {
        up: () => {
          const message = {
            topic: topicOf(own, "enroll"),
            payload: encodeEnrol(csr),
            retain: false,
          };
          link.publish(message).catch((error: unknown) => fail(messageOf(error), error));
        },
        down: () => fail("the connection ended"),
        failed: (error) => reject(tokenRefused(error) ?? error),
        message: (topic, payload) => {
          const answer = topic === answerTopic ? decodeCertified(payload) : undefined;
          if (answer?.key === name || answer?.key === "") resolve(answer);
        },
      },
    },
  );
  try {
    return await promise;
  } finally {
    timer.cancel();
    await link[Symbol.asyncDispose]();
  }
}

/** The hub says no more than that it does not know this token. */
function tokenRefused(error: unknown): GatewayError | undefined {
  if (!(error instanceof GatewayError) || error.code !== "E_ACCESS") return undefined;
  const why = "the hub does not know this token: it expired, was withdrawn, or is another hub's";
  return new GatewayError("E_ENROLL", why, { cause: error });
}
