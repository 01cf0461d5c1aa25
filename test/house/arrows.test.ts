/**
 * The arrows between rooms and their front doors (design.md section 2): which room may know
 * which, and that it knows it by its `index.ts` alone.
 */
import { describe, expect, it } from "vitest";
import { product, rooms, sources, targetOf } from "./tree.ts";

/** What a room may import besides itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  telemetry: [],
  config: ["telemetry"],
  drivers: ["telemetry", "config"],
  agent: ["telemetry", "config", "drivers"],
  store: ["telemetry", "config"],
  broker: ["telemetry", "config", "store"],
  alerts: ["telemetry", "config", "store"],
  console: ["telemetry", "config", "store", "alerts"],
  cli: ["telemetry", "config", "drivers", "agent", "store", "broker", "alerts", "console"],
  test: rooms,
  bench: rooms,
  tools: rooms,
};

/** Rooms whose folders are strangers to each other, but for the folders that all share. */
const shared: Readonly<Record<string, readonly string[]>> = {
  drivers: ["transport", "mapping"],
  store: ["http"],
};

const edges = sources.flatMap((file) =>
  file.imports.flatMap((specifier) => {
    const target = targetOf(file.path, specifier);
    return target === undefined ? [] : [{ from: file, to: target, room: target.split("/")[0] }];
  }),
);

describe("arrows", () => {
  it("lead only where the table allows", () => {
    const wrong = edges
      .filter(({ from, room = "" }) => room !== from.room && !arrows[from.room]?.includes(room))
      .map(({ from, to }) => `${from.path} → ${to}`);
    expect(wrong).toEqual([]);
  });

  it("enter another room by its front door", () => {
    const wrong = edges
      .filter(({ from, room }) => room !== from.room && product.includes(from))
      .filter(({ to }) => !/^[^/]+\/index\.ts$/.test(to) && !to.includes(".gen."))
      .map(({ from, to }) => `${from.path} → ${to}`);
    expect(wrong).toEqual([]);
  });

  it("never lead from one driver or engine to another", () => {
    const wrong = edges
      .filter(({ from, to }) => {
        const common = shared[from.room];
        const mine = folderIn(from.path);
        const theirs = folderIn(to);
        if (common === undefined || mine === undefined || theirs === undefined) return false;
        return to.startsWith(`${from.room}/`) && mine !== theirs && !common.includes(theirs);
      })
      .map(({ from, to }) => `${from.path} → ${to}`);
    expect(wrong).toEqual([]);
  });
});

/** The second level of a path when it is a folder: `drivers/modbus/plan.ts` → `modbus`. */
function folderIn(path: string): string | undefined {
  const [, folder, ...rest] = path.split("/");
  return rest.length > 0 ? folder : undefined;
}

describe("a front door", () => {
  it("only re-exports", () => {
    const doors = product.filter(({ path }) => path.endsWith("/index.ts"));
    const wrong = doors
      .filter(({ code, path }) => {
        // A driver's own index.ts defines the driver; a room's is a list.
        if (path.split("/").length > 2) return false;
        return code.replace(/export\s+(type\s+)?(\*|\{[^}]*\})\s+from\s+"[^"]+";/g, "").trim();
      })
      .map(({ path }) => path);
    expect(wrong).toEqual([]);
  });
});
