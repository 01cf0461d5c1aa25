/** A service and a session on it, as the tests of the driver need them. */
import { join } from "node:path";
import type { DriverContext, Memory, Session } from "../../../drivers/contract.ts";
import { redfish } from "../../../drivers/redfish/index.ts";
import type { Clock } from "../../../telemetry/index.ts";
import { contextWith } from "../modbus/world.ts";
import type { MockupOptions, Tree } from "./mockup.ts";
import { Mockup, treeOf } from "./mockup.ts";

const folder = join(import.meta.dirname, "../../golden/drivers/redfish");

export function goldenTree(name: string): Tree {
  return treeOf(join(folder, name, "device"));
}

export interface World extends AsyncDisposable {
  readonly mockup: Mockup;
  readonly session: Session;
}

export interface WorldOptions extends MockupOptions {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
  readonly memory?: Memory;
}

export function contextOf(clock?: Clock): DriverContext {
  return clock === undefined ? contextWith() : { ...contextWith(), clock };
}

export async function startWorld(tree: Tree, given: WorldOptions = {}): Promise<World> {
  const { options = {}, clock, memory, ...rest } = given;
  const mockup = await Mockup.start(tree, rest);
  const driver = redfish.create(contextOf(clock));
  const target = { id: "bmc-1", options: { url: mockup.url, ...options }, profile: undefined };
  const session = await driver.open(memory === undefined ? target : { ...target, memory });
  return {
    mockup,
    session,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
      await mockup[Symbol.asyncDispose]();
    },
  };
}
