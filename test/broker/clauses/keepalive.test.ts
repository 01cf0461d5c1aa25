/** MQTT 3.1.1, 3.1.2.10 and 3.12: silence and pings. */
import { describe, expect, it } from "vitest";
import { running } from "../running.ts";
import { ping } from "../wire.ts";
import { come, root } from "./bare.ts";
import { publish, subscribe } from "./packets.ts";

describe("keep alive", () => {
  it("of 1 s ends a silent connection, by what the client sends [MQTT-3.1.2-24]", async () => {
    await using at = await running();
    const began = performance.now();
    const client = await come(at, { id: "c", keepalive: 1 });
    await client.subscribe([`${root}/a`, 0]);
    await at.hub.publish(`${root}/a`, "what it hears does not count");
    expect(await client.ended()).toMatchObject([{ kind: "publish" }]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(1500);
    expect(at.hub.counters.cut).toEqual({ keepalive: 1 });
  });

  it("counts from each packet of the client, whatever it is [MQTT-3.1.2-24]", async () => {
    await using at = await running();
    const silent = await come(at, { id: "silent", keepalive: 1 });
    const busy = await come(at, { id: "busy", keepalive: 1 });
    // The end of the silent one tells the time.
    const other = { gone: false };
    const end = silent.ended().then(() => {
      other.gone = true;
    });
    const said = [ping, publish({ topic: `${root}/a`, qos: 1 }), subscribe(1, [`${root}/b`, 0])];
    for (let n = 0; !other.gone; n += 1) {
      busy.send(said[n % said.length] ?? ping);
      await busy.next();
    }
    await end;
    busy.send(ping);
    expect(await busy.next()).toEqual({ kind: "pingresp" });
    expect(at.hub.counters.cut).toEqual({ keepalive: 1 });
  });

  it("of 0 asks for nothing [MQTT-3.1.2-24]", async () => {
    await using at = await running();
    const free = await come(at, { id: "free", keepalive: 0 });
    const bound = await come(at, { id: "bound", keepalive: 1 });
    await bound.ended();
    free.send(ping);
    expect(await free.next()).toEqual({ kind: "pingresp" });
  });
});

it("each PINGREQ has its PINGRESP [MQTT-3.12.4-1]", async () => {
  await using at = await running();
  const client = await come(at, { id: "c" });
  client.send(ping, ping, ping);
  for (let n = 0; n < 3; n += 1) expect(await client.next()).toEqual({ kind: "pingresp" });
});
