/**
 * A TLS connection to a hub that is known by the fingerprint of its certificate alone. Nothing is
 * sent before that was compared: what follows holds a secret.
 */
import type { TLSSocket } from "node:tls";
import { connect } from "node:tls";
import { isIP } from "node:net";
import type { Address } from "../../config/index.ts";
import { addressText } from "../../config/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";

/** @unit ms */
const handshakeWithin = 10_000;

/**
 * @param fingerprint SHA-256 in hexadecimal digits
 * @throws E_UPLINK, E_CERTIFICATE
 */
export function connectPinned(
  { host, port, scheme }: Address,
  fingerprint: string,
  clock: Pick<Clock, "after">,
): Promise<TLSSocket> {
  const where = addressText({ host, port, scheme });
  return new Promise((resolve, reject) => {
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({
      host,
      port,
      ...servername,
      minVersion: "TLSv1.2",
      // No authority is known yet; the fingerprint is compared below.
      rejectUnauthorized: false,
    });
    const fail = (error: GatewayError): void => {
      timer.cancel();
      socket.destroy();
      reject(error);
    };
    const timer = clock.after(handshakeWithin, () => {
      fail(new GatewayError("E_UPLINK", `${where}: no TLS within 10 s`));
    });
    socket.on("error", (cause) => {
      fail(new GatewayError("E_UPLINK", `${where}: ${messageOf(cause)}`, { cause }));
    });
    socket.once("secureConnect", () => {
      const { fingerprint256 = "" } = socket.getPeerX509Certificate() ?? {};
      const shown = fingerprint256.replaceAll(":", "").toLowerCase();
      if (shown !== fingerprint) {
        const why = `${where} shows the certificate ${shown}, the token is for ${fingerprint}`;
        fail(new GatewayError("E_CERTIFICATE", why));
        return;
      }
      timer.cancel();
      resolve(socket);
    });
  });
}
