/** What can be wrong with a line: names, what each means, and what to do next. */

export interface CauseEntry {
  /** In one clause, for a list. */
  readonly title: string;
  /** What a person does next. */
  readonly remedy: string;
}

export const causes = {
  unplugged: {
    title: "the adapter is not there",
    remedy: "Plug it in; name it by its path under /dev/serial/by-id, which survives replugging.",
  },
  held: {
    title: "another program holds the port",
    remedy: "Stop that program; `fuser -v PORT` names it. A running agent holds its ports too.",
  },
  permission: {
    title: "this user may not open the port",
    remedy: "Run `sudo usermod -aG dialout $USER`, then log in again.",
  },
  unreachable: {
    title: "the gateway or device does not accept connections",
    remedy: "Ping it, check port 502 and the firewall, and how many clients it allows.",
  },
  halfopen: {
    title: "connections die without a word (half-open TCP)",
    remedy:
      "Look for a firewall or NAT that forgets idle connections; poll faster than it forgets.",
  },
  gateway: {
    title: "the gateway gets no answer on its own serial side",
    remedy:
      "Look behind the gateway: unit id, speed and parity of its serial port, wiring, and " +
      "its own timeout.",
  },
  dead: {
    title: "a unit does not answer at all",
    remedy:
      "Check its power, its unit id, its own speed and parity, and A and B at its " +
      "terminals; then ask it alone.",
  },
  baud: {
    title: "the speed is wrong",
    remedy: "Set the speed the devices have (see their menus); `--deep` tries the usual ones.",
  },
  parity: {
    title: "the parity is wrong",
    remedy: "Set the parity the devices have; `--deep` tries the others.",
  },
  swapped: {
    title: "A and B are swapped at the adapter",
    remedy: "Exchange the two wires at the adapter; makers do not agree on which one is A.",
  },
  bias: {
    title: "the line floats when nobody sends (no bias)",
    remedy:
      "Switch bias resistors on at one place of the line (about 560 Ω, A to ground, B to " +
      "supply), and connect the reference wire.",
  },
  termination: {
    title: "reflections: the ends are not terminated",
    remedy:
      "Put 120 Ω across A and B at both ends of the line and nowhere else, take stubs " +
      "away, or lower the speed.",
  },
  noise: {
    title: "interference on the line",
    remedy:
      "Use a twisted and shielded pair, ground the shield at one end, keep away from " +
      "drives and mains; read fewer registers at a time meanwhile.",
  },
  duplicate: {
    title: "two devices have the same unit id",
    remedy: "Disconnect one after the other until the answers are clean, then give it another id.",
  },
  master: {
    title: "another master asks on this line",
    remedy: "Find it (a PLC, a display, another gateway) and leave one master on the line.",
  },
  echo: {
    title: "the adapter hears itself",
    remedy: "Harmless here: it is stripped. Switch the adapter's echo off to save the time.",
  },
  turnaround: {
    title: "the head of replies is cut off: the adapter lets go of the line too late",
    remedy: "Raise the devices' response delay, or use an adapter that switches direction at once.",
  },
  hasty: {
    title: "a device ignores requests that follow too quickly",
    remedy: "Give it `pause: 50ms` (or the bus a longer `turnaround`).",
  },
  slow: {
    title: "a device answers after the timeout",
    remedy: "Raise its `timeout` above the times seen, or ask it for fewer registers at a time.",
  },
  latency: {
    title: "the USB adapter hands bytes over late (latency timer)",
    remedy:
      "Write 1 to /sys/bus/usb-serial/devices/ttyUSBx/latency_timer, by a udev rule to " +
      "keep it.",
  },
} as const satisfies Record<string, CauseEntry>;

export type CauseName = keyof typeof causes;

/** One cause as the record speaks for it. */
export interface Finding {
  readonly cause: CauseName;
  /** @range 0 to 1 */
  readonly likelihood: number;
  /** What was seen, in sentences for people. */
  readonly evidence: readonly string[];
}
