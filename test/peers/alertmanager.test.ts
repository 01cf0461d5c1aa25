/** Debian's Alertmanager is told what fires and what is over, also over a restart of it. */
import { describe, expect, it, vi } from "vitest";
import { openNotifiers } from "../../alerts/index.ts";
import { clock, entropy } from "../../cli/platform.ts";
import { httpReceiver } from "../alerts/notifiers/receiver.ts";
import { parseNotify, transition } from "../alerts/notifiers/rig.ts";
import { needs } from "../peers.ts";
import { MemoryDisk, silentLog } from "../virtual.ts";
import { startAlertmanager } from "./alertmanagerd.ts";

const isThere = needs("prometheus-alertmanager", "prometheus-alertmanager");
/** Long, because the machine may be busy: nothing is decided by it but a failure. */
const patience = { timeout: 30_000, interval: 50 };

describe.skipIf(!isThere)("Alertmanager", { timeout: 120_000 }, () => {
  it("shows our alert, silences it, knows it after a restart, hears its end", async () => {
    await using hook = await httpReceiver();
    await using peer = await startAlertmanager(`http://127.0.0.1:${hook.port}/`);
    const notify = parseNotify(`am: { kind: alertmanager, url: "${peer.url}", resend: 1s }`);
    const platform = { clock, entropy, log: silentLog };
    await using notifiers = await openNotifiers({ notify, disk: new MemoryDisk() }, platform);
    notifiers.start(() => []);
    const now = clock.now();
    await notifiers.remember([transition("t1", "firing", now), transition("t2", "firing", now)]);
    const both = ["rack-hot t1", "rack-hot t2"];
    await vi.waitFor(async () => expect(await peer.active()).toEqual(both), patience);

    await peer.silence("t2");
    await vi.waitFor(async () => expect(await peer.silenced()).toEqual(["rack-hot t2"]), patience);

    await peer.kill9();
    await peer.restart();
    await vi.waitFor(async () => expect(await peer.active()).toContain("rack-hot t1"), patience);

    const told = (): boolean => hook.posts.some(({ body }) => body.includes('"status":"firing"'));
    await vi.waitFor(() => expect(told()).toBe(true), patience);
    await notifiers.remember([transition("t1", "resolved", clock.now())]);
    await vi.waitFor(
      async () => expect(await peer.active()).not.toContain("rack-hot t1"),
      patience,
    );
    const over = (): boolean => hook.posts.some(({ body }) => /"status":"resolved".*t1/.test(body));
    await vi.waitFor(() => expect(over()).toBe(true), patience);
    expect(notifiers.counts["am"]).toMatchObject({ waiting: 0, open: 1, refused: 0, shed: 0 });
  });

  it("keeps what happens while it is down", async () => {
    await using hook = await httpReceiver();
    await using peer = await startAlertmanager(`http://127.0.0.1:${hook.port}/`);
    await peer.kill9();
    const notify = parseNotify(`am: { kind: alertmanager, url: "${peer.url}" }`);
    const platform = { clock, entropy, log: silentLog };
    await using notifiers = await openNotifiers({ notify, disk: new MemoryDisk() }, platform);
    notifiers.start(() => []);
    await notifiers.remember([transition("t3", "firing", clock.now())]);
    await vi.waitFor(() => expect(notifiers.counts["am"]?.failed).toBeGreaterThan(0), patience);
    await peer.restart();
    await vi.waitFor(async () => expect(await peer.active()).toEqual(["rack-hot t3"]), patience);
  });
});
