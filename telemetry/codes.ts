/**
 * The one table of error codes. Each code is declared here once, with its verdict, a sentence
 * that says what it means and what a person should do next. `docs/reference/errors.gen.md` is
 * written from it, and a house test proves table = throws = docs.
 *
 * Verdicts: `retry` the world is not ready; `reject` this datum never; `config` a person must
 * act; `fatal` our own bug (crash: the spool makes that safe).
 */

export type Verdict = "retry" | "reject" | "config" | "fatal";

export interface CodeEntry {
  readonly verdict: Verdict;
  readonly means: string;
  readonly remedy: string;
}

export const codes = {
  E_USAGE: {
    verdict: "config",
    means: "The command line was not understood.",
    remedy: "Run the command with --help; the examples there work as they stand.",
  },
  E_CONFIG: {
    verdict: "config",
    means: "The configuration has a mistake.",
    remedy: "Fix the lines named; `rackstreet check FILE` checks without touching hardware.",
  },
  E_CONFIG_UNREADABLE: {
    verdict: "config",
    means: "The configuration file could not be read.",
    remedy: "Check the path and its permissions.",
  },
  E_SECRET_MISSING: {
    verdict: "config",
    means: "A secret names an environment variable or a file that is not there.",
    remedy: "Set the variable or create the file, readable only by the service's user.",
  },
  E_PROFILE_UNKNOWN: {
    verdict: "config",
    means: "No device profile has this name.",
    remedy: "Use a name that `rackstreet profiles` lists, or put the file in your profiles folder.",
  },
  E_PROFILE: {
    verdict: "config",
    means: "A device profile has a mistake.",
    remedy: "Fix the lines named; config/profiles/ holds working examples.",
  },
  E_ADDRESS_IN_USE: {
    verdict: "config",
    means: "Another program already listens on this address.",
    remedy: "Stop that program, or give another address in the configuration.",
  },
  E_ADDRESS_REFUSED: {
    verdict: "config",
    means: "The operating system does not allow listening on this address.",
    remedy: "Use a port above 1023 or an address of this machine.",
  },
  E_SERIAL_PERMISSION: {
    verdict: "config",
    means: "This user may not open the serial port.",
    remedy: "Run `sudo usermod -aG dialout $USER`, then log in again (or fix the udev rule).",
  },
  E_SERIAL_MISSING: {
    verdict: "retry",
    means: "The serial port does not exist now.",
    remedy:
      "Plug the adapter in; prefer a path under /dev/serial/by-id, which survives replugging.",
  },
  E_SERIAL_BUSY: {
    verdict: "retry",
    means: "Another program holds the serial port.",
    remedy: "Stop that program: `fuser -v PORT` names it.",
  },
  E_SERIAL: {
    verdict: "retry",
    means: "The serial port failed.",
    remedy: "Check the adapter and its cable; the agent opens the port again by itself.",
  },
  E_CONNECT: {
    verdict: "retry",
    means: "The device could not be reached.",
    remedy: "Check address, cabling and firewall; the agent tries again by itself.",
  },
  E_REDIS: {
    verdict: "retry",
    means: "The Redis that hubs of a region share cannot be reached, or fails.",
    remedy: "See that it runs and takes `broker.redis`; the hub serves its own clients meanwhile.",
  },
  E_DISCONNECTED: {
    verdict: "retry",
    means: "The connection ended while an answer was awaited.",
    remedy: "Nothing, if it is rare; else check the network or the device's connection limit.",
  },
  E_MODBUS_TIMEOUT: {
    verdict: "retry",
    means: "The device did not answer in time.",
    remedy: "Check unit id, speed, parity and wiring; raise `timeout` for slow gateways.",
  },
  E_MODBUS_FRAME: {
    verdict: "retry",
    means: "An answer was not a valid Modbus frame for the request.",
    remedy: "Check parity, termination and duplicate unit ids on the line.",
  },
  E_MODBUS_CRC: {
    verdict: "retry",
    means: "An answer failed its checksum.",
    remedy: "Check termination, shielding and speed of the line.",
  },
  E_MODBUS_BUSY: {
    verdict: "retry",
    means: "The device or gateway answered that it is busy (exception 5, 6, 10 or 11).",
    remedy: "Poll it less often, or check the line behind the gateway.",
  },
  E_MODBUS_EXCEPTION: {
    verdict: "reject",
    means: "The device refused the request (exception 1, 2, 3 or 4).",
    remedy: "Compare the profile with the device's manual: register, function and count.",
  },
  E_DEVICE_TIMEOUT: {
    verdict: "retry",
    means: "A device did not answer in time.",
    remedy:
      "Check address and wiring, on a serial line its speed too; raise `timeout` for slow ones.",
  },
  E_DEVICE_FRAME: {
    verdict: "retry",
    means: "What a device sent is no valid frame of its protocol.",
    remedy: "Check speed, parity and wiring, and that only one device has this address.",
  },
  E_DEVICE_REFUSED: {
    verdict: "retry",
    means: "A device answered that it cannot give what was asked for.",
    remedy: "Compare profile and model; the answer is in the message.",
  },
  E_SET_REFUSED: {
    verdict: "reject",
    means: "A request to set something on a device was refused.",
    remedy: "See the reason beside; a device's `allow` in the configuration names what may be set.",
  },
  E_SET_UNANSWERED: {
    verdict: "retry",
    means: "A request to set something was not answered; it may have been carried out.",
    remedy: "Read the device before asking again; see that its agent is up and allows it.",
  },
  E_ASK_REFUSED: {
    verdict: "reject",
    means: "The hub does not answer a request.",
    remedy: "Do what the hub says; `whoami` names the requests that a user may make.",
  },
  E_ASK_UNANSWERED: {
    verdict: "retry",
    means: "A request to the hub was not answered.",
    remedy: "See that a hub of this site and name is there, with a broker of its own.",
  },
  E_SET_EXPIRED: {
    verdict: "reject",
    means: "A request to set something came too late to be carried out.",
    remedy: "Ask again with a later `expires`; the clocks of both sides must agree.",
  },
  E_SILENT: {
    verdict: "retry",
    means: "A device that should speak by itself said nothing.",
    remedy: "Check that it is on and sends to this place; some send only every few minutes.",
  },
  E_LOGIN: {
    verdict: "config",
    means: "A device or server refuses this user, its password or what it asks for.",
    remedy: "Check user, password and what that user may see there.",
  },
  E_CERTIFICATE: {
    verdict: "config",
    means: "The certificate of a device or server is not the one trusted.",
    remedy: "Check that it is the right machine; then trust it by `fingerprint` or `ca`.",
  },
  E_PROGRAM_MISSING: {
    verdict: "config",
    means: "A program that a driver runs is not there or may not be run.",
    remedy: "Install the package named, or give the program's path in the configuration.",
  },
  E_PROGRAM: {
    verdict: "retry",
    means: "A program that a driver runs failed, took too long or printed too much.",
    remedy: "Run it by hand as the service's user; what it said is in the message.",
  },
  E_VALUE: {
    verdict: "reject",
    means: "A raw value cannot be a value of its field.",
    remedy: "Check type, word order and scale in the profile.",
  },
  E_HOST_SENSOR: {
    verdict: "reject",
    means: "A sensor of this machine could not be read.",
    remedy: "Run with the needed permission, or leave the sensor out.",
  },
  E_PAYLOAD: {
    verdict: "reject",
    means: "A message is not a batch that can be stored.",
    remedy: "Compare the publisher with docs/reference/payload.md.",
  },
  E_REGISTER: {
    verdict: "reject",
    means: "A point uses a measurement, tag or field that the register does not know.",
    remedy: "Use the register's names, or prefix a field of your own with x_.",
  },
  E_SPOOL_DAMAGED: {
    verdict: "reject",
    means: "A part of the spool failed its checksum and was set aside.",
    remedy: "Check the disk; `rackstreet spool repair` keeps what is good, the rest beside it.",
  },
  E_SPOOL_WRITE: {
    verdict: "retry",
    means: "The spool could not write to its disk.",
    remedy: "Free space or fix the file system; telemetry is shed and counted until then.",
  },
  E_SPOOL_UNREADABLE: {
    verdict: "config",
    means: "The files of a spool could not be read.",
    remedy: "Run as the user of the agent, or as root.",
  },
  E_SPOOL_LOCKED: {
    verdict: "config",
    means: "Another agent uses this spool.",
    remedy: "Stop it, or give this agent its own `agent.data` folder.",
  },
  E_UPLINK: {
    verdict: "retry",
    means: "The broker cannot be reached or refused the connection.",
    remedy: "Check address and credentials; readings wait in the spool meanwhile.",
  },
  E_ACCESS: {
    verdict: "reject",
    means: "The client may not do this.",
    remedy: "Ask the hub's operator for a grant that covers the topic.",
  },
  E_ENROLL: {
    verdict: "reject",
    means: "The hub gives this agent no certificate.",
    remedy: "Make a new token at the hub: `rackstreet enroll token`; `enroll ls` lists agents.",
  },
  E_STORE_DOWN: {
    verdict: "retry",
    means: "The database cannot be reached or is overloaded.",
    remedy: "Check that it runs; batches wait in the agents' spools meanwhile.",
  },
  E_STORE_CONFIG: {
    verdict: "config",
    means: "The database refuses because of its or our configuration.",
    remedy: "Check database name, retention policy and credentials.",
  },
  E_STORE_REJECTED: {
    verdict: "reject",
    means: "The database will never accept this line.",
    remedy: "See the dead-letter file for the line and the database's reason.",
  },
  E_ROLLUP_MARKS: {
    verdict: "retry",
    means: "The hub could not note on its disk what must be rolled up.",
    remedy:
      "Free space or fix the file system of `hub.data`; batches wait in the spools meanwhile.",
  },
  E_QUERY: {
    verdict: "config",
    means: "The query cannot be answered as asked.",
    remedy: "Run `rackstreet query --help`; the examples there work as they stand.",
  },
  E_AUDIT: {
    verdict: "retry",
    means: "There is nothing to audit: no agent has reported to the store.",
    remedy: "Start the agent, or check that `store` and --since are where its batches went.",
  },
  E_NOTIFY: {
    verdict: "retry",
    means: "A notifier could not deliver a message.",
    remedy: "It is tried again by itself; `rackstreet alerts test NAME` tries it now.",
  },
  E_NOTIFY_REFUSED: {
    verdict: "reject",
    means: "The receiver of a notifier refuses a message for good.",
    remedy: "Check the notifier's options and what the receiver says it takes.",
  },
  E_ALERT_ACT: {
    verdict: "reject",
    means: "An alert was not acknowledged, shelved or unshelved.",
    remedy: "Look at `rackstreet alerts ls`: what fires and what is shelved, with names and tags.",
  },
  E_RULE: {
    verdict: "config",
    means: "An alert rule has a mistake.",
    remedy: "Fix the rule named; `rackstreet config explain rules` shows the form.",
  },
  E_TOOL_MISSING: {
    verdict: "config",
    means: "A program or file that this command needs is not there.",
    remedy: "Install the package named.",
  },
  E_OUTPUT: {
    verdict: "retry",
    means: "A result could not be written to its file.",
    remedy: "Free space there, or name another file.",
  },
  E_BUG: {
    verdict: "fatal",
    means: "The program broke one of its own rules.",
    remedy: "Report it with the message; nothing that was spooled is lost.",
  },
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof codes;
