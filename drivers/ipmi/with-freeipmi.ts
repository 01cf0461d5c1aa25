/**
 * Asks by ipmi-sensors, ipmi-dcmi and ipmi-chassis of freeipmi. Password and key go by a
 * configuration file that only this user can read and that lasts as long as the run; the list of
 * sensors (SDR) is kept by freeipmi itself, which sees by two timestamps of the controller when it
 * is out of date. Not all controllers keep them: so it is thrown away after a time, and when the
 * controller was away, as it may come back with another firmware.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError } from "../../telemetry/index.ts";
import type { Bmc, Run } from "./bmc.ts";
import type { Sensors } from "./found.ts";
import { parseChassis, parsePower, parseSensors } from "./freeipmi.ts";
import type { IpmiOptions } from "./options.ts";
import { interfaceOf } from "./options.ts";
import type { Table } from "./table.ts";
import type { Meaning, Tool } from "./tool.ts";
import { failure, localHint, meaningOf } from "./tool.ts";

const listFolder = "freeipmi";

/** As of the list of sensors with the other tool. */
const listPatience = 6;

const meanings: readonly Meaning[] = [
  { says: /(?:password|username|k_g) invalid/, code: "E_LOGIN" },
  {
    says: /privilege level (?:insufficient|cannot be obtained)/,
    code: "E_LOGIN",
    hint: "some controllers need `workaround: opensesspriv`",
  },
  { says: /cipher suite id unavailable|authentication type unavailable/, code: "E_LOGIN" },
  { says: /password verification timeout|ipmi 2\.0 unavailable/, code: "E_LOGIN" },
  { says: /(?:connection|session) timeout|BMC busy|driver timeout/, code: "E_DEVICE_TIMEOUT" },
  { says: /invalid hostname/, code: "E_CONNECT" },
  { says: /could not find inband device|permission denied/i, code: "E_CONNECT", hint: localHint },
  { says: /command invalid or unsupported/, code: "unsupported" },
];

export class WithFreeipmi implements Tool {
  readonly #bmc: Bmc;
  readonly #options: IpmiOptions;
  readonly #who: string;

  constructor(bmc: Bmc, options: IpmiOptions, who: string) {
    this.#bmc = bmc;
    this.#options = options;
    this.#who = who;
  }

  async chassis(signal: AbortSignal): Promise<Table> {
    const args = ["--get-chassis-status"];
    return parseChassis(this.#whole(await this.#run("ipmi-chassis", args, signal)));
  }

  async power(signal: AbortSignal): Promise<Table> {
    const args = ["--get-system-power-statistics"];
    return parsePower(this.#whole(await this.#run("ipmi-dcmi", args, signal)));
  }

  async sensors(signal: AbortSignal): Promise<Sensors> {
    const { refresh } = this.#options;
    const cache = await this.#bmc.list(listFolder, refresh, async (path) => {
      await mkdir(path, { mode: 0o700 });
    });
    const args = [
      `--sdr-cache-directory=${cache}`,
      "--sdr-cache-recreate",
      "--quiet-cache",
      "--comma-separated-output",
      "--no-header-output",
      "--output-sensor-state",
    ];
    const run = await this.#run("ipmi-sensors", args, signal);
    const { sensors, faults } = parseSensors(run.output);
    if (run.exit === 0) return { sensors, faults };
    const error = this.#failed(run);
    if (sensors.length === 0) throw error;
    return { sensors, faults: [...faults, { code: error.code, at: "sensors: not all read" }] };
  }

  async #run(program: string, args: readonly string[], signal: AbortSignal): Promise<Run> {
    const { folder, timeout } = this.#options;
    const run = await this.#bmc.withSecret(settingsOf(this.#options), (path) => {
      const call = {
        program: folder === undefined ? program : join(folder, program),
        args: [...argumentsOf(this.#options), `--config-file=${path}`, ...args],
        timeout: program === "ipmi-sensors" ? timeout * listPatience : timeout,
        package: "freeipmi-tools",
      };
      return this.#bmc.run(call, signal);
    });
    return run;
  }

  #whole(run: Run): string {
    if (run.exit === 0) return run.output;
    throw this.#failed(run);
  }

  #failed({ exit, said }: Run): GatewayError {
    const error = meaningOf(this.#who, said, meanings) ?? failure(this.#who, exit, said);
    if (error.code === "E_DEVICE_TIMEOUT") this.#bmc.forget(listFolder);
    return error;
  }
}

/** Nothing secret stands in it. */
function argumentsOf({ host, port, workaround }: IpmiOptions): string[] {
  const odd = workaround === undefined ? [] : [`--workaround-flags=${workaround}`];
  if (host === undefined) return odd;
  const name = host.includes(":") ? `[${host}]` : host;
  return [`--hostname=${name}${port === 623 ? "" : `:${port}`}`, ...odd];
}

const privileges = { user: "USER", operator: "OPERATOR", administrator: "ADMIN" } as const;

/** Stands in the place of the system's own file. @throws E_SECRET_MISSING, E_LOGIN */
function settingsOf(options: IpmiOptions): string {
  const kind = interfaceOf(options);
  if (kind === "open") return "";
  const { user = "", password, kg, cipher, privilege, resend, retries } = options;
  const lines = [
    `driver-type ${kind === "lan" ? "LAN" : "LAN_2_0"}`,
    `username ${quoted(user)}`,
    `password ${quoted(password?.reveal() ?? "")}`,
    ...(kg === undefined ? [] : [`k_g ${quoted(kg.reveal())}`]),
    ...(cipher === undefined ? [] : [`cipher-suite-id ${cipher}`]),
    `privilege-level ${privileges[privilege]}`,
    `session-timeout ${resend * (retries + 1)}`,
    `retransmission-timeout ${resend}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** A value in quotes may hold blanks; what else the file's form uses is escaped. */
function quoted(text: string): string {
  // Printable, of any language; a line end would begin another setting.
  if (/[\p{Cc}]/u.test(text)) {
    throw new GatewayError("E_LOGIN", "a name or password must not hold control characters");
  }
  return `"${text.replaceAll(/[\\"#]/g, String.raw`\$&`)}"`;
}
