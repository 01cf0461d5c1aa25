/** What a request costs its wire, against the sums of shared/facts and of the standards. */
import { describe, expect, it } from "vitest";
import {
  addressTiming,
  breakEven,
  costOf,
  networkTiming,
  requestTime,
  serialTiming,
} from "../../../drivers/modbus/cost.ts";

const line = (baud: number, parity: "none" | "even" = "none") => ({
  baud,
  parity,
  dataBits: 8 as const,
  stopBits: 1 as const,
});

const total = (cost: ReturnType<typeof costOf>): number =>
  Object.values(cost).reduce((sum, ms) => sum + ms, 0);

describe("a serial line [MODBUS-RTU 2.5.1.1]", () => {
  // Most requests a second from a device that answers at once.
  it.each([
    [2400, "none", 1, 10.9],
    [2400, "none", 125, 0.9],
    [9600, "none", 1, 43.6],
    [9600, "none", 10, 24.0],
    [9600, "none", 125, 3.6],
    [9600, "even", 10, 21.8],
    [19_200, "even", 40, 17.5],
    [38_400, "none", 10, 82.7],
    [115_200, "none", 125, 38.0],
  ] as const)("%i baud, parity %s, %i registers: %f requests a second", (baud, parity, n, rate) => {
    const timing = { ...serialTiming(line(baud, parity)), think: 0 };
    expect(1000 / total(costOf(2 * n, timing))).toBeCloseTo(rate, baud > 40_000 ? -0.5 : 1);
  });

  it.each([
    [9600, 20, 19],
    [9600, 0, 9],
    [2400, 20, 12],
    [115_200, 20, 141],
  ])("%i baud and a device that takes %i ms: a hole of %i registers pays", (baud, think, hole) => {
    expect(breakEven({ ...serialTiming(line(baud)), think })).toBe(hole);
  });

  it("keeps the longer of the line's silence and the device's", () => {
    const { gap, silence } = serialTiming(line(9600));
    expect([gap, silence]).toEqual([silence, gap]);
    expect(serialTiming({ ...line(9600), turnaround: 20 })).toMatchObject({ gap: 20, silence });
    expect(serialTiming({ ...line(9600), turnaround: 5 }, 30)).toMatchObject({ gap: 30, silence });
  });

  it("waits for the adapter that its port names", () => {
    const wayOf = (port: string): number => serialTiming({ ...line(9600), port }).way;
    const ftdi = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10K1234-if00-port0";
    expect(["/dev/ttyUSB0", ftdi, "/dev/ttyACM0", "/dev/ttyS0"].map(wayOf)).toEqual([8, 8, 1, 0]);
  });
});

describe("a network [MODBUS-TCP 3.1.3]", () => {
  it("any hole of one answer pays", () => {
    expect(breakEven(networkTiming())).toBeGreaterThan(125);
  });

  it("behind a gateway there is a line of the usual speed", () => {
    const own = addressTiming("tcp", { unit: 1, pause: 0 });
    const behind = addressTiming("tcp", { unit: 7, pause: 0 });
    expect(breakEven(behind)).toBeLessThan(25);
    expect(requestTime(behind)).toBeGreaterThan(requestTime(own) + 30);
    expect(addressTiming("rtu+tcp", { unit: 1, pause: 0 })).toEqual(behind);
  });
});
