/**
 * The command line's own complaints, for people: what was not understood, what comes nearest, and
 * how the command is written. yargs says them in its own words, which are translated here.
 */
import { nearest } from "../config/index.ts";

/** What was typed, and what --help would print at that place. */
export interface Typed {
  readonly words: readonly string[];
  readonly help: string;
}

/** What a person reads for a complaint of yargs. */
export function usageProblem(message: string, typed: Typed): string {
  const found = translations.map((translation) => {
    const match = translation.pattern.exec(message);
    return match === null ? undefined : translation.say(match.slice(1), typed);
  });
  return found.find((sentence) => sentence !== undefined) ?? message;
}

interface Translation {
  readonly pattern: RegExp;
  say(parts: readonly string[], typed: Typed): string;
}

const translations: readonly Translation[] = [
  {
    pattern: /^Did you mean (.+)\?$/,
    say: ([near = ""]) => `no such command; did you mean "${near}"?`,
  },
  {
    pattern: /^Unknown arguments?: (.+)$/,
    say: ([words = ""], typed) =>
      words
        .split(", ")
        .map((word) => unknownWord(word, typed))
        .join("; "),
  },
  {
    pattern: /^Not enough non-option arguments/,
    say: (_parts, typed) => `something is missing: ${formOf(typed)}`,
  },
  {
    pattern: /^Not enough arguments following: (.+)$/,
    say: ([option = ""]) => `--${option} needs a value`,
  },
  {
    pattern: /Argument: (\S+), Given: "(.*)", Choices: (.+)$/,
    say: ([option = "", given = "", quoted = ""]) => {
      const choices = quoted.replaceAll('"', "").split(", ");
      return `--${option}: must be one of ${choices.join(", ")}${hint(given, choices)}`;
    },
  },
];

function unknownWord(word: string, typed: Typed): string {
  const { words, help } = typed;
  if (words.some((given) => /^--?/.test(given) && given.replace(/^--?|=.*$/g, "") === word)) {
    const options = [...help.matchAll(/--([a-z][a-z-]*)/g)].map(([, name = ""]) => name);
    return `no option --${word}${hint(word, options)}`;
  }
  const commands = commandsOf(typed);
  if (commands.length === 0) return `"${word}" is too much: ${formOf(typed)}`;
  return `no command ${word}${hint(word, commands) || `; there are ${commands.join(", ")}`}`;
}

/** `rackstreet check <config>`: the first line of the help. */
function formOf({ help }: Typed): string {
  return help.split("\n", 1)[0] ?? "";
}

/** The commands that the help lists, if it lists any. */
function commandsOf(typed: Typed): string[] {
  const above = formOf(typed).replace(/ <.*/, "");
  const listed = typed.help.split("\n").filter((line) => line.startsWith(`  ${above} `));
  const isList = typed.help.includes("\nCommands:\n");
  return isList ? listed.map((line) => line.slice(above.length + 3).split(" ", 1)[0] ?? "") : [];
}

function hint(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}
