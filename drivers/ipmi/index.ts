/**
 * IPMI 2.0 and DCMI 1.5: servers by their management controller, from within by the kernel's driver
 * or over the network, by way of ipmitool or freeipmi. Reads, never sets.
 */
import type { Origin } from "../contract.ts";
import { defineDriver } from "../contract.ts";
import { Leases } from "../transport/leases.ts";
import { programRunner } from "../transport/program.ts";
import { Bmc } from "./bmc.ts";
import type { IpmiOptions } from "./options.ts";
import { interfaceOf, ipmiOptions, ipmiOptionsSchema } from "./options.ts";
import { IpmiSession } from "./session.ts";
import { WithFreeipmi } from "./with-freeipmi.ts";
import { WithIpmitool } from "./with-ipmitool.ts";

export const ipmi = defineDriver({
  name: "ipmi",
  about: "Servers by their management controller: power, sensors, fans, supplies (IPMI, DCMI).",
  options: ipmiOptions,
  parse: ipmiOptionsSchema,
  create({ clock }) {
    const run = programRunner(clock);
    const leases = new Leases<Bmc>();
    return {
      busKey: ({ options }) => `ipmi:${whoOf(options)}`,
      open({ options }) {
        const who = whoOf(options);
        const tenant = { key: who, bus: undefined };
        const lease = leases.lease(tenant, () => new Bmc({ run, clock }));
        const With = options.tool === "freeipmi" ? WithFreeipmi : WithIpmitool;
        const tool = new With(lease.thing, options, who);
        const endpoint = endpointOf(options);
        return Promise.resolve(new IpmiSession({ lease, tool, options, endpoint }));
      },
      [Symbol.asyncDispose]: () => leases[Symbol.asyncDispose](),
    };
  },
});

/** Which controller, for messages and as its wire's name. */
function whoOf({ host, port }: IpmiOptions): string {
  return host === undefined ? "this machine" : `${host} port ${port}`;
}

function endpointOf(options: IpmiOptions): Origin["endpoint"] {
  const kind = interfaceOf(options);
  const { host, port } = options;
  return host === undefined ? { interface: kind } : { interface: kind, host, port };
}
