/** Looking for devices over real sockets: devices of their own, gateways, and what is neither. */
import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { address, v } from "../../../../config/index.ts";
import { encodeException } from "../../../../drivers/modbus/pdu.ts";
import type { NetworkSearchParts } from "../../../../drivers/modbus/scan/network.ts";
import { searchNetwork } from "../../../../drivers/modbus/scan/network.ts";
import { openNetworkWire } from "../../../../drivers/modbus/scan/open.ts";
import { freePort, portOf } from "../../../ports.ts";
import type { Behaviour } from "../world.ts";
import { honest, never, realClock, rightAnswer, startPeer } from "../world.ts";

const form = address({ tcp: 502, "rtu+tcp": 502 });

function search(addresses: readonly string[], more: Partial<NetworkSearchParts> = {}) {
  return searchNetwork({
    hosts: addresses.map((text) => v.parse(form, text)),
    connect: (address, signal) => openNetworkWire(address, realClock, signal),
    units: undefined,
    timeout: 300,
    ask: { table: "holding", at: 0, count: 2 },
    profiles: [],
    clock: realClock,
    signal: never,
    progress: () => {},
    ...more,
  });
}

/** A gateway: answers for these units, exception 11 for the others. */
const gateway =
  (units: readonly number[]): Behaviour =>
  (request, link) => {
    const there = units.includes(request.unit);
    link.send(request.wrap(there ? rightAnswer(request) : encodeException(request.pdu, 11)));
  };

describe("a search on a network", () => {
  it("takes a device that answers to any unit for one device [MODBUS-TCP 4.4.1]", async () => {
    await using peer = await startPeer("tcp");
    const { hosts, closed } = await search([peer.address]);
    expect(closed).toBe(0);
    expect(hosts.map(({ kind, devices }) => [kind, devices.map(({ unit }) => unit)])).toEqual([
      ["device", [1]],
    ]);
  });

  it("asks a gateway for all its units", async () => {
    await using peer = await startPeer("tcp", gateway([2, 17, 99, 247]));
    const { hosts } = await search([peer.address]);
    expect(hosts[0]?.kind).toBe("gateway");
    expect(hosts[0]?.devices.map(({ unit }) => unit)).toEqual([2, 17, 99, 247]);
  });

  it("asks for the units given, and no others", async () => {
    await using peer = await startPeer("tcp", gateway([2, 17, 99]));
    const { hosts } = await search([peer.address], { units: [16, 17, 18] });
    expect(hosts[0]?.devices.map(({ unit }) => unit)).toEqual([17]);
    expect(new Set(peer.requests.map(({ unit }) => unit))).toEqual(new Set([16, 17, 18]));
  });

  it("goes on where a gateway hung up", async () => {
    let count = 0;
    const behaviour: Behaviour = (request, link) => {
      count += 1;
      if (count === 20) link.hangUp();
      else gateway([2, 50])(request, link);
    };
    await using peer = await startPeer("tcp", behaviour);
    const { hosts } = await search([peer.address], {
      units: Array.from({ length: 60 }, (_, i) => i),
    });
    expect(hosts[0]?.devices.map(({ unit }) => unit)).toEqual([2, 50]);
  });

  it("finds a strict device and leaves it at a sample", async () => {
    const strict: Behaviour = (request, link) => {
      if (request.unit === 1) honest(request, link);
    };
    await using peer = await startPeer("tcp", strict);
    const { hosts } = await search([peer.address], { timeout: 40 });
    expect(hosts[0]?.devices.map(({ unit }) => unit)).toEqual([1]);
    expect(peer.requests.length).toBeLessThan(60);
  });

  it("speaks RTU to a transparent gateway", async () => {
    const bus: Behaviour = (request, link) => {
      if ([3, 4].includes(request.unit)) link.send(request.wrap(rightAnswer(request)));
    };
    await using peer = await startPeer("rtu+tcp", bus);
    const { hosts } = await search([peer.address], { units: [1, 2, 3, 4, 5], timeout: 100 });
    expect(hosts[0]?.devices.map(({ unit }) => unit)).toEqual([3, 4]);
  });

  it("counts closed hosts, and names what speaks something else", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const addresses = [
      `tcp://127.0.0.1:${await freePort()}`,
      `tcp://127.0.0.1:${portOf(server.address())}`,
    ];
    const { hosts, closed } = await search(addresses);
    expect(closed).toBe(1);
    expect(hosts.map(({ kind }) => kind)).toEqual(["mute"]);
    expect(hosts[0]?.suspicions[0]?.what).toMatch(/does not speak Modbus/);
    server.close();
  });
});
