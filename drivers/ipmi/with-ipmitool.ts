/**
 * Asks by ipmitool. Password and key go by its environment, the list of sensors (SDR) is kept in a
 * file, so that a reading asks for the values alone.
 *
 * ipmitool does not say why it got no session unless it is asked to talk (`-v`), and then its other
 * output changes: so it is asked a second time, and only when the first refusal came too soon to
 * be a lost answer.
 */
import { join } from "node:path";
import { GatewayError } from "../../telemetry/index.ts";
import type { Bmc, Run } from "./bmc.ts";
import type { Sensors } from "./found.ts";
import { parseChassis, parsePower, parseSensors, splitListing } from "./ipmitool.ts";
import type { IpmiOptions } from "./options.ts";
import { interfaceOf } from "./options.ts";
import type { Table } from "./table.ts";
import type { Meaning, Tool } from "./tool.ts";
import { failure, localHint, meaningOf } from "./tool.ts";

const listFile = "ipmitool.sdr";

/** The list of a large chassis takes minutes on a slow controller; times the usual time. */
const listPatience = 6;

const noSession = /Unable to establish (?:IPMI v2 \/ RMCP\+|LAN|IPMI v1.5 LAN) session/;

/** What it says by itself. */
const meanings: readonly Meaning[] = [
  { says: /Could not open device at/, code: "E_CONNECT", hint: localHint },
  { says: /Invalid user name|password is too long|Kg key/i, code: "E_LOGIN" },
  { says: /Activate Session .*(?:failed|error)|not supported for requested/, code: "E_LOGIN" },
  { says: /Insufficient privilege level/, code: "E_LOGIN" },
  { says: /Invalid command \(c1\)|Invalid command$/, code: "unsupported" },
  { says: /DCMI request failed/, code: "E_DEVICE_REFUSED" },
];

/** What it says of a session that it did not get, when it is asked to talk. */
const reasons: readonly Meaning[] = [
  { says: /insufficient resources/, code: "E_CONNECT", hint: "all its sessions are taken" },
  { says: /RAKP \d HMAC is invalid/, code: "E_LOGIN", hint: "the password is wrong" },
  { says: /RAKP \d message indicates an error/, code: "E_LOGIN" },
  { says: /RAKP 4 message has invalid integrity/, code: "E_LOGIN", hint: "the key is wrong" },
  { says: /Error in open session response/, code: "E_LOGIN", hint: "give another `cipher`" },
  { says: /Address lookup for .* failed/, code: "E_CONNECT" },
  { says: /Could not open socket/, code: "E_CONNECT" },
];

export class WithIpmitool implements Tool {
  readonly #bmc: Bmc;
  readonly #options: IpmiOptions;
  readonly #who: string;
  /** The controller does not tell when its list has changed: then only `refresh` helps. */
  #unstamped = false;

  constructor(bmc: Bmc, options: IpmiOptions, who: string) {
    this.#bmc = bmc;
    this.#options = options;
    this.#who = who;
  }

  async chassis(signal: AbortSignal): Promise<Table> {
    return parseChassis(this.#whole(await this.#ask(["chassis", "status"], signal)));
  }

  async power(signal: AbortSignal): Promise<Table> {
    return parsePower(this.#whole(await this.#ask(["dcmi", "power", "reading"], signal)));
  }

  async sensors(signal: AbortSignal): Promise<Sensors> {
    const run = await this.#listing(signal);
    const { sensors, faults } = parseSensors(run.output);
    if (run.exit === 0) return { sensors, faults };
    // One sensor that is broken for good ends it so each time: no reason to ask for the list.
    if (sensors.length === 0) {
      this.#bmc.forget(listFile);
      throw this.#failed(run);
    }
    return { sensors, faults: [...faults, { code: "E_PROGRAM", at: "sensors: not all read" }] };
  }

  /** The values by the list that the controller has now: by another they would be wrong. */
  async #listing(signal: AbortSignal): Promise<Run> {
    for (let time = 1; !this.#unstamped; time += 1) {
      const list = await this.#list(signal);
      const ask = await this.#bmc.file("ask", "sdr info\nsdr elist all\n");
      const run = await this.#ask(["-S", list, "exec", ask], signal);
      const { stamp, output } = splitListing(run.output);
      if (stamp === undefined) break;
      if (this.#bmc.isOf(listFile, stamp) || time > 1) return { ...run, output };
      this.#bmc.forget(listFile);
    }
    const list = await this.#list(signal);
    const run = await this.#ask(["-S", list, "sdr", "elist", "all"], signal);
    if (run.exit === 0) this.#unstamped = true;
    return run;
  }

  #list(signal: AbortSignal): Promise<string> {
    const { refresh, timeout } = this.#options;
    return this.#bmc.list(listFile, refresh, async (path) => {
      this.#whole(await this.#ask(["sdr", "dump", path], signal, timeout * listPatience));
    });
  }

  /** @throws E_DEVICE_TIMEOUT, E_LOGIN, E_CONNECT, and what running throws */
  async #ask(
    args: readonly string[],
    signal: AbortSignal,
    timeout = this.#options.timeout,
  ): Promise<Run> {
    const run = await this.#run(args, signal, timeout);
    if (run.exit === 0 || !noSession.test(run.said)) return run;
    const lost = run.took >= this.#options.resend;
    const talk = lost ? run : await this.#run(["-v", "chassis", "power", "status"], signal);
    throw (
      meaningOf(this.#who, run.said, meanings) ??
      meaningOf(this.#who, talk.said, reasons) ??
      new GatewayError("E_DEVICE_TIMEOUT", `${this.#who}: no answer`)
    );
  }

  #run(
    args: readonly string[],
    signal: AbortSignal,
    timeout = this.#options.timeout,
  ): Promise<Run> {
    const { folder } = this.#options;
    const call = {
      program: folder === undefined ? "ipmitool" : join(folder, "ipmitool"),
      args: [...argumentsOf(this.#options), ...args],
      environment: environmentOf(this.#options),
      timeout,
      package: "ipmitool",
    };
    return this.#bmc.run(call, signal);
  }

  #whole(run: Run): string {
    if (run.exit === 0) return run.output;
    throw this.#failed(run);
  }

  #failed({ exit, said }: Run): GatewayError {
    return meaningOf(this.#who, said, meanings) ?? failure(this.#who, exit, said);
  }
}

/** What all its calls begin with: nothing secret stands in it. */
function argumentsOf(options: IpmiOptions): string[] {
  const kind = interfaceOf(options);
  const { host = "", port, user = "", privilege, cipher, kg, workaround, resend } = options;
  const odd = workaround === undefined ? [] : ["-o", workaround];
  if (kind === "open") return ["-I", "open", ...odd];
  const reach = ["-I", kind, "-H", host, "-p", String(port), "-U", user, "-E"];
  const patience = ["-R", String(options.retries), "-N", String(Math.round(resend / 1000))];
  const suite = cipher === undefined ? [] : ["-C", String(cipher)];
  const key = kg === undefined ? [] : ["-K"];
  return [...reach, "-L", privilege.toUpperCase(), ...patience, ...suite, ...key, ...odd];
}

/** @throws E_SECRET_MISSING, E_LOGIN */
function environmentOf({ password, kg }: IpmiOptions): Record<string, string> {
  return {
    IPMI_PASSWORD: password?.reveal() ?? "",
    ...(kg === undefined ? {} : { IPMI_KGKEY: keyText(kg.reveal()) }),
  };
}

/** An environment holds text only: a key of other bytes needs the other tool. */
function keyText(key: string): string {
  if (!/^0x[0-9a-f]*$/i.test(key)) return key;
  const bytes = Buffer.from(key.slice(2), "hex");
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) return bytes.toString("latin1");
  throw new GatewayError("E_LOGIN", "ipmitool takes no such `kg`: use `tool: freeipmi` for it");
}
