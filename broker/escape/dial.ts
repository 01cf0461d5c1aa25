/** Plain and TLS connections to a hub that is audited. */
import type { Socket } from "node:net";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { GatewayError, messageOf } from "../../telemetry/index.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Over TLS, trusting these certificates (PEM); [] trusts those of the system. */
  readonly ca?: readonly string[];
  /** Each number from an address of its own: this machine's loopback network has enough. */
  readonly apart?: boolean;
}

/** How long a connection may take to be made. @unit ms */
const patience = 10_000;

/** Opens connections. @throws E_UPLINK */
export function dialer(target: Target): (number: number) => Promise<Socket> {
  const { host, port, ca, apart = false } = target;
  return (number) => {
    const n = number + 2;
    // Other systems than Linux have but one loopback address.
    const own = apart && process.platform === "linux" ? `127.1.${n >> 8}.${n & 255}` : undefined;
    const from = own === undefined ? {} : { localAddress: own };
    const place = { host, port, ...from, timeout: patience };
    const secure = ca !== undefined;
    const socket = secure
      ? connectTls({ ...place, servername: host, ...(ca.length > 0 ? { ca: [...ca] } : {}) })
      : connect(place);
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => {
        socket.destroy();
        reject(new GatewayError("E_UPLINK", `${host}:${port}: ${messageOf(cause)}`, { cause }));
      };
      const silent = (): void => fail("no answer");
      socket.once("error", fail).once("timeout", silent);
      socket.once(secure ? "secureConnect" : "connect", () => {
        socket.off("error", fail).off("timeout", silent);
        socket.setTimeout(0).setNoDelay(true);
        resolve(socket);
      });
    });
  };
}
