/**
 * The command line: one file a command, this one only puts them together. Exit codes are in
 * `exit.ts` and in the README.
 */
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { GatewayError, systemCode } from "../telemetry/index.ts";
import { version } from "./assets.ts";
import { agentCommand } from "./commands/agent.ts";
import { alertsCommand } from "./commands/alerts.ts";
import { askCommand } from "./commands/ask.ts";
import { auditCommand } from "./commands/audit.ts";
import { capacityCommand } from "./commands/capacity.ts";
import { catalogCommand } from "./commands/catalog.ts";
import { checkCommand } from "./commands/check.ts";
import { configCommand } from "./commands/config.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { enrollCommand } from "./commands/enroll.ts";
import { federationCommand } from "./commands/federation.ts";
import { hubCommand } from "./commands/hub.ts";
import { passwordCommand } from "./commands/password.ts";
import { planCommand } from "./commands/plan.ts";
import { portsCommand } from "./commands/ports.ts";
import { probeCommand } from "./commands/probe.ts";
import { profilesCommand } from "./commands/profiles.ts";
import { queryCommand } from "./commands/query.ts";
import { readCommand } from "./commands/read.ts";
import { reportCommand } from "./commands/report.ts";
import { rulesCommand } from "./commands/rules.ts";
import { scanCommand } from "./commands/scan.ts";
import { setCommand } from "./commands/set.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { spoolCommand } from "./commands/spool.ts";
import { statusCommand } from "./commands/status.ts";
import { storeCommand } from "./commands/store.ts";
import { tenantCommand } from "./commands/tenant.ts";
import { topologyCommand } from "./commands/topology.ts";
import { upCommand } from "./commands/up.ts";
import { versionCommand } from "./commands/version.ts";
import { exitCodes, fail } from "./exit.ts";
import { usageProblem } from "./usage.ts";

async function main(): Promise<void> {
  // Who reads along may leave at any time (`| head`): no reason for a gateway to stop.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", unlessPipeClosed);
  // A bug ends the process at once, with its own exit code: the spool makes that safe.
  process.on("uncaughtException", (error) => {
    fail(error);
    process.exit(exitCodes.bug);
  });
  const parser = yargs(hideBin(process.argv))
    .scriptName("rackstreet")
    .usage("$0 <command>\n\nReads racks and street sensors, publishes over MQTT, stores, alerts.")
    .command(upCommand)
    .command(agentCommand)
    .command(hubCommand)
    .command(checkCommand)
    .command(portsCommand)
    .command(scanCommand)
    .command(planCommand)
    .command(topologyCommand)
    .command(capacityCommand)
    .command(readCommand)
    .command(reportCommand)
    .command(probeCommand)
    .command(doctorCommand)
    .command(queryCommand)
    .command(rulesCommand)
    .command(statusCommand)
    .command(alertsCommand)
    .command(storeCommand)
    .command(spoolCommand)
    .command(auditCommand)
    .command(setCommand)
    .command(askCommand)
    .command(catalogCommand)
    .command(passwordCommand)
    .command(enrollCommand)
    .command(tenantCommand)
    .command(federationCommand)
    .command(simulateCommand)
    .command(profilesCommand)
    .command(configCommand)
    .command(versionCommand)
    .demandCommand(1, "Name a command; --help lists them.")
    .strict()
    .recommendCommands()
    .version(version)
    .help()
    .alias("h", "help")
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .example("$0 up config/examples/demo.yaml", "a simulated site, on a page that moves")
    .example("$0 check site.yaml", "every mistake of a configuration")
    .epilogue(
      "Exit codes: 0 done, 64 usage, 65 what audit, tenant audit, rules test, plan, doctor, " +
        "topology or capacity looked at is not in order, 69 unavailable, 70 bug, 75 try later, " +
        "78 config.",
    )
    .exitProcess(false)
    .fail((message, error, usage) => {
      // yargs gives its own complaints as text, and passes on what a command threw.
      if (!message) throw error;
      const help: unknown = usage.help();
      const typed = { words: hideBin(process.argv), help: typeof help === "string" ? help : "" };
      throw new GatewayError("E_USAGE", usageProblem(message, typed));
    });
  try {
    await parser.parseAsync();
  } catch (error) {
    fail(error);
  }
}

function unlessPipeClosed(error: Error): void {
  if (systemCode(error) !== "EPIPE") throw error;
}

void main();
