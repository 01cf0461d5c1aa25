/** Causes on this side of the wire and in networks: ports, gateways, connections. */
import { describe, expect, it } from "vitest";
import type { Examination } from "../../../../drivers/modbus/doctor/index.ts";
import { diagnose } from "../../../../drivers/modbus/doctor/index.ts";
import { concentration } from "../../../../drivers/modbus/doctor/host.ts";
import { encodeMbap, MbapReader } from "../../../../drivers/modbus/mbap.ts";
import {
  decodeReadRequest,
  encodeException,
  encodeReadReply,
} from "../../../../drivers/modbus/pdu.ts";
import type { ByteChannel } from "../../../../drivers/transport/channel.ts";
import type { Code } from "../../../../telemetry/index.ts";
import { GatewayError } from "../../../../telemetry/index.ts";
import { VirtualClock } from "../../../virtual.ts";
import { run } from "./examined.ts";
import { Dice } from "./faults.ts";

const seeds = 20;

interface Server {
  /** The reply to a request, undefined: silence. */
  answer(request: {
    readonly unit: number;
    readonly pdu: Uint8Array;
    /** Since the connection's last request. @unit ms */
    readonly idle: number;
  }): Uint8Array | undefined;
}

function honestly(pdu: Uint8Array): Uint8Array {
  const span = decodeReadRequest(pdu);
  return span === undefined
    ? encodeException(pdu, 1)
    : encodeReadReply(span, Array(span.count).fill(7));
}

/** A server behind Modbus TCP; each connection is one of its own. */
function networkOf(clock: VirtualClock, dice: Dice, server: () => Server): Examination {
  const connect = (): ByteChannel => {
    const { answer } = server();
    const reader = new MbapReader();
    let listener: (bytes: Uint8Array) => void = () => {};
    let last = clock.monotonic();
    return {
      write(bytes) {
        for (const frame of reader.push(bytes)) {
          const idle = clock.monotonic() - last;
          last = clock.monotonic();
          const pdu = answer({ unit: frame.unit, pdu: frame.pdu, idle });
          if (pdu === undefined) continue;
          clock.after(dice.between(1, 30), () => listener(encodeMbap({ ...frame, pdu })));
        }
      },
      onData: (heard) => {
        listener = heard;
      },
      onClose: () => {},
      discardInput: () => {},
      close: () => Promise.resolve(),
    };
  };
  return examinationOf(dice, () => Promise.resolve(connect()));
}

function examinationOf(dice: Dice, open: () => Promise<ByteChannel>): Examination {
  return {
    wire: "tcp",
    settings: undefined,
    timeout: dice.pick(300, 1000),
    units: [{ unit: 1 }, { unit: 2 }].slice(0, dice.whole(1, 2)),
    listen: 5000,
    deep: false,
    latencyTimer: undefined,
    progress: () => {},
    open,
  };
}

type Network = (clock: VirtualClock, dice: Dice) => Examination;

const networks: Readonly<Record<string, Network>> = {
  healthy: (clock, dice) => networkOf(clock, dice, () => ({ answer: ({ pdu }) => honestly(pdu) })),
  gateway: (clock, dice) => {
    const exception = dice.pick(10, 11);
    const share = dice.between(0.2, 1);
    const server: Server = {
      answer: ({ pdu }) =>
        dice.random() < share ? encodeException(pdu, exception) : honestly(pdu),
    };
    return networkOf(clock, dice, () => server);
  },
  halfopen: (clock, dice) => {
    // A firewall forgets a connection that was idle for this long, and says nothing.
    const forgets = dice.between(1000, 4500);
    return networkOf(clock, dice, () => {
      let forgotten = false;
      return {
        answer: ({ pdu, idle }) => {
          forgotten ||= idle > forgets;
          return forgotten ? undefined : honestly(pdu);
        },
      };
    });
  },
  slow: (clock, dice) => {
    const examination = networkOf(clock, dice, () => ({ answer: ({ pdu }) => honestly(pdu) }));
    const late = examination.timeout * dice.between(1.1, 1.8);
    return {
      ...examination,
      open: async (settings, signal) => {
        const channel = await examination.open(settings, signal);
        return {
          ...channel,
          onData: (heard) => channel.onData((bytes) => void clock.after(late, () => heard(bytes))),
        };
      },
    };
  },
  unreachable: (_clock, dice) =>
    examinationOf(dice, () => Promise.reject(new GatewayError("E_CONNECT", "refused"))),
};

describe("a network", () => {
  it.each(Object.keys(networks))("with the fault %s is told", async (fault) => {
    const found: Record<string, number[]> = {};
    for (let seed = 1; seed <= seeds; seed += 1) {
      const clock = new VirtualClock();
      const examination = networks[fault]?.(clock, new Dice(seed));
      if (examination === undefined) throw new Error(fault);
      const { healthy, findings } = diagnose(await run(examination, clock));
      const name = healthy ? "healthy" : (findings[0]?.cause ?? "nothing");
      (found[name] ??= []).push(seed);
    }
    expect(Object.keys(found), JSON.stringify(found)).toEqual([fault]);
  });
});

describe("a serial port that does not open", () => {
  it.each([
    ["E_SERIAL_MISSING", "unplugged"],
    ["E_SERIAL_BUSY", "held"],
    ["E_SERIAL_PERMISSION", "permission"],
  ] as const)("%s: %s", async (code, cause) => {
    const refusal = new GatewayError(code, "/dev/ttyUSB0: it does not open");
    const { findings, healthy } = diagnose(await run(serialOf(refusal), new VirtualClock()));
    expect(healthy).toBe(false);
    expect(findings.map((finding) => finding.cause)).toEqual([cause]);
    expect(findings[0]?.evidence[0]).toContain("/dev/ttyUSB0");
  });

  it("or goes away while it is used is unplugged", async () => {
    const clock = new VirtualClock();
    let end = (_reason: GatewayError): void => {};
    const channel: ByteChannel = {
      write: () => clock.after(50, () => end(failed("E_DISCONNECTED"))),
      onData: () => {},
      onClose: (closed) => {
        end = closed;
      },
      discardInput: () => {},
      close: () => Promise.resolve(),
    };
    const { findings } = diagnose(
      await run({ ...serialOf(failed("E_SERIAL")), open: () => Promise.resolve(channel) }, clock),
    );
    expect(findings[0]?.cause).toBe("unplugged");
  });
});

function failed(code: Code): GatewayError {
  return new GatewayError(code, "gone");
}

function serialOf(refusal: GatewayError): Examination {
  return {
    ...examinationOf(new Dice(1), () => Promise.reject(refusal)),
    wire: "serial",
    settings: { baud: 9600, parity: "none", dataBits: 8, stopBits: 1 },
  };
}

describe("a grid of arrivals", () => {
  it("is seen whatever its phase, and nowhere else", () => {
    const dice = new Dice(3);
    const onGrid = Array.from({ length: 30 }, () => 5.3 + 16 * dice.whole(0, 1000));
    const anywhere = Array.from({ length: 30 }, () => dice.between(0, 16_000));
    expect(concentration(onGrid, 16)).toBeCloseTo(1, 6);
    expect(concentration(anywhere, 16)).toBeLessThan(0.5);
    expect(concentration([], 16)).toBe(0);
  });
});
