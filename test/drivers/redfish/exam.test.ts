/** A mockup before the examiners: read, and heard over a stream and a subscription. */
import { redfish } from "../../../drivers/redfish/index.ts";
import { driverExam } from "../../contract/driver.ts";
import { listenerExam } from "../../contract/listener.ts";
import { freePort } from "../../ports.ts";
import { Mockup } from "./mockup.ts";
import { contextOf, goldenTree } from "./world.ts";

const nowhere = { id: "bmc", options: { url: "http://127.0.0.1:1" }, profile: undefined };

for (const [name, tree, password] of [
  ["a server, logged in", "older_server", "secret"],
  ["a server that expands collections", "newer_server", undefined],
  ["a GPU board with a metric report", "gpu_board", undefined],
  ["a rack PDU", "rack_pdu", undefined],
] as const) {
  driverExam({
    name: `redfish: ${name}`,
    kind: redfish,
    start: async () => {
      const mockup = await Mockup.start(
        goldenTree(tree),
        password === undefined ? {} : { password },
      );
      const login = password === undefined ? {} : { user: "monitor", password };
      return {
        context: contextOf(),
        target: { id: "bmc", options: { url: mockup.url, ...login }, profile: undefined },
        nowhere,
        fallSilent: () => {
          const before = mockup.requests.length;
          mockup.silent = true;
          return () => mockup.requests.length > before;
        },
        wake: () => {
          mockup.silent = false;
        },
        [Symbol.asyncDispose]: () => mockup[Symbol.asyncDispose](),
      };
    },
  });
}

let said = 0;
const alert = (): unknown => {
  said += 1;
  const time = new Date(Date.UTC(2026, 0, 1) + said * 1000).toISOString();
  const one = { MessageId: `Alert.1.0.No${said}`, Severity: "Warning", EventTimestamp: time };
  return { "@odata.type": "#Event.v1_7_0.Event", Events: [one] };
};

listenerExam({
  name: "redfish over a stream",
  kind: redfish,
  start: async () => {
    const mockup = await Mockup.start(goldenTree("newer_server"));
    return {
      context: contextOf(),
      target: { id: "bmc", options: { url: mockup.url, events: "stream" }, profile: undefined },
      nowhere: { ...nowhere, options: { ...nowhere.options, events: "stream" } },
      speak: () => mockup.stream(alert()),
      [Symbol.asyncDispose]: () => mockup[Symbol.asyncDispose](),
    };
  },
  impossible: ["cut"],
});

listenerExam({
  name: "redfish by subscription",
  kind: redfish,
  start: async () => {
    const tree = goldenTree("newer_server");
    delete tree.get("/redfish/v1/EventService")?.["ServerSentEventUri"];
    const mockup = await Mockup.start(tree);
    const events = `http://127.0.0.1:${await freePort()}`;
    return {
      context: contextOf(),
      target: { id: "bmc", options: { url: mockup.url, events }, profile: undefined },
      nowhere: { ...nowhere, options: { ...nowhere.options, events } },
      speak: async () => {
        const event = alert();
        await Promise.all(mockup.subscriptions.map(({ body }) => post(body, event)));
      },
      [Symbol.asyncDispose]: () => mockup[Symbol.asyncDispose](),
    };
  },
  impossible: ["cut"],
});

async function post(
  { Destination: to, Context: context }: Record<string, unknown>,
  event: unknown,
): Promise<void> {
  const body = JSON.stringify({ ...Object(event), Context: context });
  await fetch(String(to), { method: "POST", body }).catch(() => undefined);
}
