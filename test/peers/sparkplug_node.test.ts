/**
 * The edge node over a real mosquitto: one test for each normative statement of Sparkplug 3.0
 * (`tck-id-…`) that binds an edge node without commands of its own.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { needs } from "../peers.ts";
import type { Said } from "./sparkplug_life.ts";
import { all, bdSeqOf, live, named, saidOf, seen, sessions } from "./sparkplug_life.ts";

const present = needs("mosquitto", "mosquitto");

/** Sequence numbers of a session run on from 0 with each NBIRTH. */
function expectSequence(said: readonly Said[]): void {
  let expected = -1n;
  for (const { verb, seq } of said) {
    if (verb === "NDEATH") continue;
    expected = verb === "NBIRTH" ? 0n : (expected + 1n) % 256n;
    expect(seq).toBe(expected);
  }
}

const bornAs = (topic: string) => (verb: string) => () => {
  expect(all(verb).length).toBeGreaterThan(0);
  for (const said of all(verb)) expect(said.topic).toBe(topic.replace("VERB", verb));
};
const nodeTopic = bornAs("spBv1.0/hall/VERB/gw");
const deviceTopic = bornAs("spBv1.0/hall/VERB/gw/meter");
const plain = (verb: string) => () => {
  expect(all(verb).length).toBeGreaterThan(0);
  for (const { qos, retain } of all(verb))
    expect({ qos, retain }).toEqual({ qos: 0, retain: false });
};
const timed = (verb: string) => () => {
  for (const { timestamp = 0n } of all(verb)) {
    expect(Math.abs(Number(timestamp) - Date.now())).toBeLessThan(120_000);
  }
};
const inSequence = () => {
  for (const { said } of sessions()) expectSequence(said);
};
const whole = (verb: string) => () => {
  for (const { metrics } of all(verb)) {
    for (const metric of metrics) {
      expect(metric.name).toBeTruthy();
      expect(metric.datatype).toBeGreaterThan(0);
      expect(metric.timestamp).toBeGreaterThan(0n);
      const { is_null, long_value, double_value, boolean_value } = metric;
      const values = [is_null, long_value, double_value, boolean_value];
      expect(values.filter((value) => value !== undefined)).toHaveLength(1);
    }
  }
};
const rebirthMetric = () => {
  for (const said of all("NBIRTH")) {
    const { timestamp: _, ...rest } = named(said, "Node Control/Rebirth") ?? {};
    // Without an alias, because hosts send it by name.
    expect(rest).toEqual({ name: "Node Control/Rebirth", datatype: 11, boolean_value: false });
  }
};
const matchingBdSeq = () => {
  for (const { will, said } of sessions()) {
    const births = said.filter(({ verb }) => verb === "NBIRTH");
    for (const birth of births) expect(bdSeqOf(birth)).toBe(bdSeqOf(will));
  }
};
const wills = (check: (will: Said) => void) => () => {
  expect(sessions()).toHaveLength(3);
  for (const { will } of sessions()) check(will);
};
const onlyBdSeq = wills(({ seq, metrics }) => {
  expect(seq).toBeUndefined();
  expect(metrics.map(({ name, datatype }) => [name, datatype])).toEqual([["bdSeq", 4]]);
});
const willTopic = wills(({ topic }) => expect(topic).toBe("spBv1.0/hall/NDEATH/gw"));
const willQos = wills(({ qos }) => expect(qos).toBe(1));
const willRetain = wills(({ retain }) => expect(retain).toBe(false));
const aliasOnly = () => {
  for (const { metrics } of [...all("DDATA"), ...all("NDATA")]) {
    for (const { name, alias, datatype } of metrics) {
      expect({ name, datatype }).toEqual({ name: undefined, datatype: undefined });
      expect(alias).toBeGreaterThan(0n);
    }
  }
};
const birthsFirst = () => {
  for (const { said } of sessions()) {
    const [first, second] = said.map(({ verb }) => verb).filter((verb) => verb !== "NDEATH");
    expect([first, second]).toEqual(["NBIRTH", "DBIRTH"]);
  }
};
const rebirthAnswer = () => {
  const said = all(undefined, seen.rebirth, seen.hostGone).map(({ verb }) => verb);
  expect(said).toEqual(["NBIRTH", "DBIRTH", "DDEATH", "DBIRTH"]);
};
const hostGone = () => {
  const [death] = all(undefined, seen.hostGone);
  expect([death?.verb, bdSeqOf(death)]).toEqual(["NDEATH", 0n]);
  const after = seen.packets.slice(seen.hostGone).map(({ cmd }) => cmd);
  expect(after.filter((cmd) => cmd !== "puback" && cmd !== "pingreq").slice(0, 3)).toEqual([
    "publish",
    "disconnect",
    "connect",
  ]);
};
const lastWords = () => {
  const [death] = all("NDEATH", seen.end);
  expect(bdSeqOf(death)).toBe(2n);
  expect(seen.packets.at(-1)?.cmd).toBe("disconnect");
};
const subscribesFirst = () => {
  const packet = seen.packets.find(({ cmd }) => cmd === "subscribe");
  if (packet?.cmd !== "subscribe") throw new Error("no subscription");
  expect(packet.subscriptions).toContainEqual(
    expect.objectContaining({ topic: "spBv1.0/hall/NCMD/gw", qos: 1 }),
  );
  const birth = seen.packets.findIndex((one) => saidOf(one)?.verb === "NBIRTH");
  expect(seen.packets.indexOf(packet)).toBeLessThan(birth);
};
const waits = () => expect(all(undefined, 0, seen.before)).toEqual([]);
const properties = (check: (key: unknown, value: Record<string, unknown>) => void) => () => {
  for (const { metrics } of [...all("DBIRTH"), ...all("DDATA")]) {
    for (const { properties: set } of metrics) {
      if (set === undefined) continue;
      expect(set.keys).toHaveLength(set.values.length);
      set.keys.forEach((key, index) => check(key, set.values[index] ?? {}));
    }
  }
};
const quality = properties((key, { type, int_value }) => {
  if (key !== "Quality") return;
  expect(type).toBe(3);
  expect([0, 192, 500]).toContain(int_value);
});
const dead = () => expect(all("DDEATH")).toHaveLength(1);

const statements: Readonly<Record<string, () => void>> = {
  "principles-birth-certificates-order": birthsFirst,
  "principles-persistence-clean-session-311": () => {
    for (const { clean } of sessions()) expect(clean).toBe(true);
  },
  "topics-nbirth-topic": nodeTopic("NBIRTH"),
  "topics-nbirth-mqtt": plain("NBIRTH"),
  "topics-nbirth-seq-num": () => {
    for (const { seq } of all("NBIRTH")) expect(seq).toBe(0n);
  },
  "topics-nbirth-timestamp": timed("NBIRTH"),
  "topics-nbirth-metrics": whole("NBIRTH"),
  "topics-nbirth-bdseq-included": matchingBdSeq,
  "topics-nbirth-bdseq-matching": matchingBdSeq,
  "topics-nbirth-rebirth-metric": rebirthMetric,
  "topics-ndata-mqtt": plain("NDATA"),
  "topics-ndata-seq-num": inSequence,
  "topics-ndata-timestamp": timed("NDATA"),
  "topics-ndata-payload": () => expect(all("NDATA")[0]?.metrics[0]?.long_value).toBe(5n),
  "topics-ndeath-topic": willTopic,
  "topics-ndeath-seq": onlyBdSeq,
  "topics-ndeath-payload": onlyBdSeq,
  "topics-dbirth-topic": deviceTopic("DBIRTH"),
  "topics-dbirth-mqtt": plain("DBIRTH"),
  "topics-dbirth-seq": inSequence,
  "topics-dbirth-timestamp": timed("DBIRTH"),
  "topics-dbirth-metrics": whole("DBIRTH"),
  "topics-ddata-mqtt": plain("DDATA"),
  "topics-ddata-seq-num": inSequence,
  "topics-ddata-timestamp": timed("DDATA"),
  "topics-ddata-payload": () => {
    const values = all("DDATA").map(({ metrics }) => metrics[0]?.double_value);
    expect(values.slice(0, 4)).toEqual([231.5, 232, 0, 1]);
  },
  "topics-ddeath-topic": deviceTopic("DDEATH"),
  "topics-ddeath-mqtt": plain("DDEATH"),
  "topics-ddeath-seq-num": inSequence,
  "message-flow-edge-node-birth-publish-connect": () => expect(sessions()).toHaveLength(3),
  "message-flow-edge-node-birth-publish-will-message": matchingBdSeq,
  "message-flow-edge-node-birth-publish-will-message-topic": willTopic,
  "message-flow-edge-node-birth-publish-will-message-payload": onlyBdSeq,
  "message-flow-edge-node-birth-publish-will-message-qos": willQos,
  "message-flow-edge-node-birth-publish-will-message-will-retained": willRetain,
  "message-flow-edge-node-ncmd-subscribe": subscribesFirst,
  "message-flow-edge-node-birth-publish-phid-wait": waits,
  "message-flow-edge-node-birth-publish-phid-offline": hostGone,
  "message-flow-edge-node-birth-publish-nbirth-topic": nodeTopic("NBIRTH"),
  "message-flow-edge-node-birth-publish-nbirth-qos": plain("NBIRTH"),
  "message-flow-edge-node-birth-publish-nbirth-retained": plain("NBIRTH"),
  "message-flow-edge-node-birth-publish-nbirth-payload": whole("NBIRTH"),
  "message-flow-edge-node-birth-publish-nbirth-payload-seq": inSequence,
  "message-flow-edge-node-birth-publish-nbirth-payload-bdSeq": matchingBdSeq,
  "message-flow-device-birth-publish-nbirth-wait": birthsFirst,
  "message-flow-device-birth-publish-dbirth-topic": deviceTopic("DBIRTH"),
  "message-flow-device-birth-publish-dbirth-match-edge-node-topic": deviceTopic("DBIRTH"),
  "message-flow-device-birth-publish-dbirth-payload": whole("DBIRTH"),
  "message-flow-device-birth-publish-dbirth-qos": plain("DBIRTH"),
  "message-flow-device-birth-publish-dbirth-retained": plain("DBIRTH"),
  "operational-behavior-edge-node-intentional-disconnect-ndeath": lastWords,
  "operational-behavior-edge-node-intentional-disconnect-packet": lastWords,
  "operational-behavior-device-ddeath": dead,
  "operational-behavior-data-publish-nbirth-values": whole("NBIRTH"),
  "operational-behavior-data-publish-dbirth-values": whole("DBIRTH"),
  "operational-behavior-data-commands-rebirth-name": rebirthMetric,
  "operational-behavior-data-commands-rebirth-name-aliases": rebirthMetric,
  "operational-behavior-data-commands-rebirth-datatype": rebirthMetric,
  "operational-behavior-data-commands-rebirth-value": rebirthMetric,
  "operational-behavior-data-commands-rebirth-action-1": rebirthAnswer,
  "operational-behavior-data-commands-rebirth-action-2": rebirthAnswer,
  "operational-behavior-data-commands-rebirth-action-3": matchingBdSeq,
  "payloads-sequence-num-always-included": inSequence,
  "payloads-sequence-num-zero-nbirth": inSequence,
  "payloads-name-requirement": whole("DBIRTH"),
  "payloads-alias-birth-requirement": () => {
    for (const { metrics } of all("DBIRTH")) {
      for (const { name, alias } of metrics)
        expect([typeof name, typeof alias]).toEqual(["string", "bigint"]);
    }
  },
  "payloads-alias-data-cmd-requirement": aliasOnly,
  "payloads-alias-uniqueness": () => {
    const metrics = [...all("NBIRTH"), ...all("DBIRTH")].flatMap((said) => said.metrics);
    const names = Map.groupBy(metrics, ({ alias }) => alias);
    names.delete(undefined);
    expect(names.size).toBeGreaterThan(5);
    for (const group of names.values()) expect(new Set(group.map(({ name }) => name)).size).toBe(1);
  },
  "payloads-name-birth-data-requirement": () => {
    for (const { metrics } of all().filter(({ verb }) => verb !== "NDEATH")) {
      for (const { timestamp } of metrics) expect(timestamp).toBeGreaterThan(0n);
    }
  },
  "payloads-metric-datatype-req": whole("DBIRTH"),
  "payloads-metric-datatype-not-req": aliasOnly,
  "payloads-propertyset-keys-array-size": properties(() => undefined),
  "payloads-propertyset-values-array-size": properties(() => undefined),
  "payloads-metric-propertyvalue-type-req": properties((_, { type }) => expect(type).toBeDefined()),
  "payloads-propertyset-quality-value-type": quality,
  "payloads-propertyset-quality-value-value": quality,
  "payloads-nbirth-qos": plain("NBIRTH"),
  "payloads-nbirth-retain": plain("NBIRTH"),
  "payloads-nbirth-seq": inSequence,
  "payloads-nbirth-bdseq": matchingBdSeq,
  "payloads-nbirth-bdseq-repeat": matchingBdSeq,
  "payloads-nbirth-timestamp": timed("NBIRTH"),
  "payloads-nbirth-rebirth-req": rebirthMetric,
  "payloads-dbirth-qos": plain("DBIRTH"),
  "payloads-dbirth-retain": plain("DBIRTH"),
  "payloads-dbirth-seq": inSequence,
  "payloads-dbirth-seq-inc": inSequence,
  "payloads-dbirth-timestamp": timed("DBIRTH"),
  "payloads-dbirth-order": birthsFirst,
  "payloads-ndata-order": birthsFirst,
  "payloads-ndata-qos": plain("NDATA"),
  "payloads-ndata-retain": plain("NDATA"),
  "payloads-ndata-seq": inSequence,
  "payloads-ndata-timestamp": timed("NDATA"),
  "payloads-ddata-order": birthsFirst,
  "payloads-ddata-qos": plain("DDATA"),
  "payloads-ddata-retain": plain("DDATA"),
  "payloads-ddata-seq": inSequence,
  "payloads-ddata-timestamp": timed("DDATA"),
  "payloads-ddeath-seq": inSequence,
  "payloads-ddeath-seq-inc": inSequence,
  "payloads-ddeath-seq-number": inSequence,
  "payloads-ddeath-timestamp": timed("DDEATH"),
  "payloads-ndeath-seq": onlyBdSeq,
  "payloads-ndeath-bdseq": matchingBdSeq,
  "payloads-ndeath-will-message": onlyBdSeq,
  "payloads-ndeath-will-message-qos": willQos,
  "payloads-ndeath-will-message-retain": willRetain,
  "payloads-ndeath-will-message-publisher": lastWords,
  "payloads-ndeath-will-message-publisher-disconnect-mqtt311": lastWords,
};

describe.skipIf(!present)("Sparkplug 3.0 over mosquitto", () => {
  beforeAll(live, 60_000);

  it.each(Object.entries(statements))("tck-id-%s", (_id, holds) => holds());

  it("each connection is one more, and nothing is said after the last word", () => {
    expect(sessions().map(({ will }) => bdSeqOf(will))).toEqual([0n, 1n, 2n]);
  });

  it("metrics have their names, units and quality", () => {
    const [birth] = all("DBIRTH");
    const [metric] = birth?.metrics ?? [];
    expect(metric).toMatchObject({ name: "rack_phase/L1/voltage_v", datatype: 10 });
    const texts = metric?.properties?.values.map(
      (value) => value["string_value"] ?? value["int_value"],
    );
    expect(metric?.properties?.keys).toEqual(["engUnit", "ucum", "Quality"]);
    expect(texts).toEqual(["V", "V", 192]);
    // A quality is told when it turns.
    const turned = all("DDATA").filter(({ metrics }) => metrics[0]?.properties !== undefined);
    expect(turned.map(({ metrics }) => metrics[0]?.properties?.values[0]?.["int_value"])).toEqual([
      500, 192,
    ]);
  });
});
