/** The exams of the driver, with an agent and a sender of traps that the tests wrote themselves. */
import { createSocket } from "node:dgram";
import { snmp } from "../../../drivers/snmp/index.ts";
import { driverExam } from "../../contract/driver.ts";
import { listenerExam } from "../../contract/listener.ts";
import { contextWith } from "../modbus/world.ts";
import { startAgent } from "./agent.ts";
import { encode, integer, oidBytes } from "./ber.ts";
import { pdu, pduWalk, privateBase } from "./world.ts";

for (const version of ["v1", "v2c"] as const) {
  driverExam({
    name: `snmp ${version} over udp`,
    kind: snmp,
    async start() {
      const agent = await startAgent(pduWalk);
      const options = { address: agent.address, version, timeout: "3s", retries: 0 };
      const nobody = { ...options, address: "udp://127.0.0.1:9", timeout: "100ms" };
      return {
        context: contextWith(),
        target: { id: "pdu", options, profile: pdu },
        nowhere: { id: "pdu", options: nobody, profile: pdu },
        fallSilent() {
          agent.mood = "silent";
          const before = agent.asked.length;
          return () => agent.asked.length > before;
        },
        wake() {
          agent.mood = "well";
        },
        [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
      };
    },
  });
}

/** A port that nobody has at this moment. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** A trap of v2c with one value. [RFC 3416 4.2.6] */
function trap(id: number): Buffer {
  const varbinds = [
    encode(0x30, oidBytes("1.3.6.1.2.1.1.3.0"), integer(id, 0x43)),
    encode(0x30, oidBytes("1.3.6.1.6.3.1.1.4.1.0"), oidBytes(`${privateBase}.0.7`)),
    encode(0x30, oidBytes(`${privateBase}.1.1.0`), integer(200 + id, 0x42)),
  ];
  const pdu = encode(0xa7, integer(id), integer(0), integer(0), encode(0x30, ...varbinds));
  return encode(0x30, integer(1), encode(0x04, Buffer.from("public")), pdu);
}

listenerExam({
  name: "snmp traps over udp",
  kind: snmp,
  impossible: ["cut"],
  async start() {
    const port = await freePort();
    const agent = await startAgent(pduWalk);
    const sender = createSocket("udp4");
    let sent = 0;
    const options = { address: agent.address, traps: `udp://127.0.0.1:${port}` };
    return {
      context: contextWith(),
      target: { id: "pdu", options, profile: pdu },
      // An address of documentation that this machine does not have. [RFC 5737]
      nowhere: { id: "pdu", options: { ...options, traps: "udp://192.0.2.1:162" }, profile: pdu },
      async speak() {
        sent += 1;
        const bytes = trap(sent);
        await new Promise<void>((resolve) => {
          sender.send(bytes, port, "127.0.0.1", () => resolve());
        });
      },
      async [Symbol.asyncDispose]() {
        sender.close();
        await agent[Symbol.asyncDispose]();
      },
    };
  },
});
