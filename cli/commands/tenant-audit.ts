/** `rackstreet tenant audit`: every user tries every way over its border against a running hub. */
import { readFile } from "node:fs/promises";
import type { Account, Doors, EscapeReport } from "../../broker/index.ts";
import { dialer, startAuditedHub, tryEscapes, whoIs } from "../../broker/index.ts";
import { addressText, Secret } from "../../config/index.ts";
import type { DeviceAddress, Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { BrokerArguments } from "../ask-broker.ts";
import { brokerOptions, brokerTarget } from "../ask-broker.ts";
import { configArgument, defineCommand, durationArgument, jsonOption } from "../command.ts";
import { openPlatform, print, printJson } from "../command.ts";
import type { LoadedConfig } from "../config.ts";
import { exitCodes } from "../exit.ts";
import { Progress } from "../progress.ts";
import { siteOf } from "../run-agent.ts";
import { renderTable } from "../table.ts";
import { counted } from "../values.ts";

interface Ground {
  readonly where: string;
  readonly accounts: readonly Account[];
  readonly admin: { readonly user: string; readonly password: string };
  readonly doors: Doors;
  readonly hub: DeviceAddress;
  readonly live: boolean;
  /** Users whose password is not known here. */
  readonly skipped: readonly string[];
}

export const tenantAuditCommand = defineCommand({
  command: "audit <config>",
  describe: "Let every user try to hear and do what it may not, and report what leaks",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .options({
        ...brokerOptions,
        url: { type: "string", describe: "A running hub; default: one of its own, for the test." },
        username: {
          type: "string",
          describe: "An admin there; default: the first with a password.",
        },
      })
      .option("within", { type: "string", default: "5m", describe: "Begin no user after this." })
      .option("json", jsonOption)
      .example("$0 tenant audit hub.yaml", "the rights of a configuration, before it is used")
      .example("$0 tenant audit hub.yaml --url mqtts://hub.example.org", "the hub as it runs")
      .epilogue(
        "Exit code 65 when something leaks. At a running hub each user with a known password " +
          "connects and tries; devices are named audit-…, and what was retained is removed.",
      ),
  handler: async ({ config, within, json, url, username, passwordFrom }) => {
    const limit = durationArgument("within", within);
    const { loaded, platform } = await openPlatform(config, "error");
    await using parts = new AsyncDisposableStack();
    const asked = { url, username, passwordFrom };
    const ground =
      url === undefined
        ? await ownGround(loaded, platform, parts)
        : await liveGround(loaded, platform, asked);
    if (ground.accounts.length === 0) {
      throw new GatewayError("E_USAGE", "broker.users has no user whose password is known here");
    }
    using progress = new Progress(platform.clock);
    const report = await tryEscapes({
      ...ground,
      ...platform,
      within: limit,
      progress: (done, all) => progress.show(`tenant audit: ${done} of ${all} users`),
    });
    progress[Symbol.dispose]();
    if (report === undefined) {
      throw new GatewayError("E_UPLINK", `${ground.where}: ${ground.admin.user} is not let in`);
    }
    const { where, skipped } = ground;
    if (json) printJson({ hub: where, ...report, skipped });
    else show(report, ground);
    if (report.leaked > 0) process.exitCode = exitCodes.data;
  },
});

async function ownGround(
  loaded: LoadedConfig,
  platform: Platform,
  parts: AsyncDisposableStack,
): Promise<Ground> {
  const { broker } = loaded.config;
  const hub = parts.use(await startAuditedHub(broker, siteOf(loaded), platform));
  const { accounts, admin, doors, address } = hub;
  const parties = { accounts, admin, doors, hub: address };
  return { where: "a hub of its own", ...parties, live: false, skipped: [] };
}

/** @throws E_USAGE, E_SECRET_MISSING, E_UPLINK */
async function liveGround(
  loaded: LoadedConfig,
  { clock }: Platform,
  asked: BrokerArguments,
): Promise<Ground> {
  const { users } = loaded.config.broker;
  const { url, options } = brokerTarget(asked, loaded);
  const known = Object.entries(users).flatMap(([name, user]) => {
    const password = user.password?.reveal();
    return password === undefined ? [] : [{ who: whoIs(name, user, siteOf(loaded)), password }];
  });
  const first = known.find(({ who }) => who.role === "admin");
  const { username, passwordFrom } = asked;
  const user = username ?? first?.who.name;
  const own = passwordFrom === undefined ? undefined : new Secret(passwordFrom).reveal();
  const password = own ?? known.find(({ who }) => who.name === user)?.password;
  if (user === undefined || password === undefined) {
    throw new GatewayError("E_USAGE", "name an admin of the hub: --username, --password-from");
  }
  const { scheme, host, port } = url;
  if (scheme.startsWith("ws")) throw new GatewayError("E_USAGE", "--url: give mqtt:// or mqtts://");
  const ca = options.ca === undefined ? [] : [await readFile(options.ca, "utf8")];
  const dial = dialer({ host, port, ...(scheme === "mqtts" ? { ca } : {}) });
  const tried = new Set(known.map(({ who }) => who.name));
  return {
    where: addressText(url),
    accounts: known,
    admin: { user, password },
    doors: { clock, dial },
    hub: { ...siteOf(loaded), class: "hub", device: loaded.config.hub.id },
    live: true,
    skipped: Object.keys(users).filter((name) => !tried.has(name)),
  };
}

function show(report: EscapeReport, { where, skipped }: Ground): void {
  const rows = report.rows.filter(({ kind }) => kind !== "own");
  const head = ["user", "kind", "tries", "refused", "leaks"];
  print(
    renderTable(
      head,
      rows.map(({ user, kind, tries, refused, leaks }) => [
        user,
        kind,
        ...[tries, refused, leaks].map(String),
      ]),
    ),
  );
  for (const { user, kind, tried, got } of report.leaks) {
    print(`LEAK  ${user}, ${kind}: ${tried} → ${got}`);
  }
  const people = [
    ["their passwords are not in this configuration", skipped],
    ["not let in, or deaf to what is theirs", report.silent],
    ["no time", report.left],
  ] as const;
  for (const [why, names] of people) {
    if (names.length > 0) print(`not tried: ${names.join(", ")} (${why})`);
  }
  const tries = `${report.tries} tries of ${counted(report.alive, "user")} at ${where}`;
  print(`${tries}: ${report.leaked === 0 ? "nothing leaks" : counted(report.leaked, "leak")}`);
}
