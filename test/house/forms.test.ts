/**
 * The form of files. Sizes, casts, default exports, real time and chance are held by oxlint
 * (.oxlintrc.json); here is what it cannot see.
 */
import { describe, expect, it } from "vitest";
import { foldersBelow, productRooms, rooms, sources } from "./tree.ts";

/** Longest line. @unit characters */
const longest = 100;

/** Lint rules switched off in place, with the reason. This list only shrinks. */
const waived: Readonly<Record<string, string>> = {};

const written = sources.filter(({ path }) => !path.includes(".gen."));

describe("every file", () => {
  it("opens with a block that says what it is", () => {
    const bare = written
      .filter(({ path, text }) => !text.startsWith("/**") && !path.endsWith("/index.ts"))
      .map(({ path }) => path);
    expect(bare).toEqual([]);
  });

  it(`has lines of at most ${longest} characters`, () => {
    const wide = written.flatMap(({ path, text }) =>
      text
        .split("\n")
        .flatMap((line, index) => (line.length > longest ? [`${path}:${index + 1}`] : [])),
    );
    expect(wide).toEqual([]);
  });

  it("switches no lint rule and no type check off", () => {
    const off = sources
      .filter(({ path, comments }) => !(path in waived) && comments.some(switchesOff))
      .map(({ path }) => path);
    expect(off).toEqual([]);
  });
});

function switchesOff(comment: string): boolean {
  return /(oxlint|eslint)-disable|@ts-(ignore|expect-error|nocheck)/.test(comment);
}

describe("every folder", () => {
  it("is named after an idea, not after leftovers", () => {
    const names = rooms.flatMap((room) => [room, ...foldersBelow(room)]);
    const files = sources.map(({ path }) => path.split("/").at(-1)?.replace(/\.ts$/, "") ?? "");
    const vague = ["utils", "util", "common", "helpers", "helper", "misc"];
    expect([...names, ...files].filter((name) => vague.includes(name))).toEqual([]);
  });

  it("of the product has a front door", () => {
    const paths = new Set(sources.map(({ path }) => path));
    const open = productRooms.filter((room) => room !== "cli" && !paths.has(`${room}/index.ts`));
    expect(open).toEqual([]);
  });
});
