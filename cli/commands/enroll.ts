/** `rackstreet enroll`: certificates for agents, made by the hub for keys that stay at the edge. */
import { defineCommand } from "../command.ts";
import { enrollAgentCommand } from "./enroll-agent.ts";
import { enrollLsCommand } from "./enroll-ls.ts";
import { enrollRevokeCommand } from "./enroll-revoke.ts";
import { enrollTokenCommand } from "./enroll-token.ts";

export const enrollCommand = defineCommand({
  command: "enroll",
  describe: "Certificates for agents: a token at the hub, a key pair at the edge",
  builder: (yargs) =>
    yargs
      .command(enrollAgentCommand)
      .command(enrollTokenCommand)
      .command(enrollLsCommand)
      .command(enrollRevokeCommand)
      .example("$0 enroll token hub.yaml --agent edge-1", "at the hub: a token, printed once")
      .example(
        "$0 enroll mqtts://hub.example.org --token-from file:token -c site.yaml",
        "at the edge: key pair and certificate, in the agent's folder",
      ),
  handler: () => undefined,
});
