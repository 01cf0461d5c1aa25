/**
 * `rackstreet password`: the hash of a password, for `passwordHash` in the configuration. The
 * password comes by standard input, never as an argument, which all users of the machine can read.
 */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { hashPassword } from "../../broker/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { defineCommand, print } from "../command.ts";
import { entropy } from "../platform.ts";

/** Shorter ones are guessed. @unit characters */
const shortest = 8;

export const passwordCommand = defineCommand({
  command: "password",
  describe: "Turn a password into the hash that a configuration may hold",
  builder: (yargs) =>
    yargs
      .example("$0 password", "asks for it, and prints what to write as `passwordHash`")
      .example("$0 password < password.txt", "the first line of a file"),
  handler: async () => {
    const password = process.stdin.isTTY ? await asked() : await firstLine();
    if (password.length < shortest) {
      throw new GatewayError("E_USAGE", `give at least ${shortest} characters`);
    }
    print(await hashPassword(password, entropy));
  },
});

async function firstLine(): Promise<string> {
  const [line = ""] = (await text(process.stdin)).split(/\r?\n/, 1);
  return line;
}

/** Asks a person, without showing what is typed. */
async function asked(): Promise<string> {
  process.stderr.write("Password: ");
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const answer = await lines.question("");
  lines.close();
  process.stderr.write("\n");
  return answer;
}
