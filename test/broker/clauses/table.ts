/**
 * The numbered statements of MQTT 3.1.1 (OASIS Standard, 29 October 2014, Appendix B), each in our
 * own words: whom it binds, and, where no test proves it here, why. Where one is proved is not said
 * here but found: the test's name has the same mark.
 */

export interface Clause {
  /** As in the standard, without brackets. */
  readonly id: string;
  readonly binds: "server" | "client" | "both";
  readonly says: string;
  /** Why no test of ours proves it. */
  readonly waived?: string;
  /** What of it the hub does not keep, in spite of its tests. */
  readonly limit?: string;
}

const restart = "not over a restart of the hub: handshakes that clients began end with the process";
const refused = "a topic outside rackstreet/v1/ is refused by access, as SUBACK 0x80 or unheard";
const full = "over its quota a client is let in without a session, and told so on its denied topic";
const twice = "a filter that stands twice in one SUBSCRIBE gets one code: the last one counts";
const theirs = "our clients are MQTT.js, which sees to it";

export const clauses: readonly Clause[] = [
  both("1.5.3-1", "Text is well-formed UTF-8, without surrogates; else the connection ends."),
  both("1.5.3-2", "Text holds no U+0000; else the connection ends."),
  both("1.5.3-3", "U+FEFF in text is a character like any other, and stays."),
  both("2.2.2-1", "Reserved flag bits have the values of the table."),
  both("2.2.2-2", "Other flags end the connection."),
  both("2.3.1-1", "PUBLISH over QoS 0, SUBSCRIBE, UNSUBSCRIBE have an identifier other than 0."),
  client("2.3.1-2", "A new packet of a client has an identifier that is not in use."),
  client("2.3.1-3", "A client sends a packet again under its old identifier."),
  server("2.3.1-4", "Both hold for the server's PUBLISH over QoS 0."),
  both("2.3.1-5", "PUBLISH at QoS 0 has no identifier."),
  both("2.3.1-6", "PUBACK, PUBREC, PUBREL have the identifier of their PUBLISH."),
  server("2.3.1-7", "SUBACK, UNSUBACK have the identifier of what they answer."),
  both("3.1.0-1", "The first packet of a client is CONNECT."),
  server("3.1.0-2", "A second CONNECT ends the connection."),
  server("3.1.2-1", "A CONNECT of another protocol name is not handled as MQTT."),
  server("3.1.2-2", "An unknown protocol level is answered with CONNACK 1; then the end."),
  server("3.1.2-3", "The reserved flag of CONNECT must be 0, else the end."),
  both("3.1.2-4", "CleanSession 0 takes up the session of the client, or makes one.", {
    limit: full,
  }),
  server("3.1.2-5", "A session gathers QoS 1 and 2 for its client while that is away."),
  both("3.1.2-6", "CleanSession 1 ends the old session; the new one ends with the connection."),
  server("3.1.2-7", "Retained messages outlive sessions."),
  server("3.1.2-8", "A will is published when its connection ends without DISCONNECT.", {
    limit: "a hub that is killed publishes no wills of its clients when it is back",
  }),
  both("3.1.2-9", "With the will flag, will topic and message are there; QoS and retain count."),
  server("3.1.2-10", "A will is gone once published, or with DISCONNECT."),
  both("3.1.2-11", "Without the will flag, nothing of a will is there."),
  server("3.1.2-12", "Without the will flag no will is published."),
  both("3.1.2-13", "Without the will flag, will QoS is 0."),
  both("3.1.2-14", "Will QoS is 0, 1 or 2."),
  both("3.1.2-15", "Without the will flag, will retain is 0."),
  server("3.1.2-16", "A will without will retain is not retained."),
  server("3.1.2-17", "A will with will retain is retained."),
  both("3.1.2-18", "Without its flag there is no user name."),
  both("3.1.2-19", "With its flag there is a user name."),
  both("3.1.2-20", "Without its flag there is no password."),
  both("3.1.2-21", "With its flag there is a password."),
  both("3.1.2-22", "Without a user name there is no password."),
  client("3.1.2-23", "A client pings before its keep alive is over."),
  server("3.1.2-24", "Silence of one and a half keep alives ends the connection."),
  both("3.1.3-1", "Client identifier, will topic, will message, user, password: in this order."),
  both("3.1.3-2", "The client identifier says whose session it is."),
  both("3.1.3-3", "The client identifier is there, and first."),
  both("3.1.3-4", "The client identifier is text."),
  server("3.1.3-5", "Identifiers of 1 to 23 letters and digits are taken.", {
    limit: "identifiers that begin rackstreet. are kept for the agents that they name",
  }),
  server("3.1.3-6", "An empty identifier is replaced by a unique one."),
  client("3.1.3-7", "An empty identifier comes with CleanSession 1."),
  server("3.1.3-8", "An empty identifier with CleanSession 0 is answered with 2; then the end."),
  server("3.1.3-9", "A refused identifier is answered with 2; then the end."),
  both("3.1.3-10", "The will topic is text."),
  both("3.1.3-11", "The user name is text."),
  server("3.1.4-1", "A malformed CONNECT ends the connection without CONNACK."),
  server("3.1.4-2", "A client identifier in use ends the older connection."),
  server("3.1.4-3", "CleanSession is handled once CONNECT is valid."),
  server("3.1.4-4", "A valid CONNECT is answered with CONNACK 0."),
  server("3.1.4-5", "Behind a refused CONNECT nothing is handled."),
  server("3.2.0-1", "The server's first packet is CONNACK."),
  server("3.2.2-1", "Session present is 0 with CleanSession 1."),
  server("3.2.2-2", "Session present is 1 where there is a session."),
  server("3.2.2-3", "Session present is 0 where there is none."),
  server("3.2.2-4", "Session present is 0 with a refusal."),
  server("3.2.2-5", "A refusal is followed by the end of the connection."),
  server("3.2.2-6", "Where no code fits, the connection ends without CONNACK."),
  both("3.3.1-1", "DUP is 1 when a PUBLISH is sent again."),
  both("3.3.1-2", "DUP is 0 at QoS 0."),
  server("3.3.1-3", "DUP from a sender is not passed on."),
  both("3.3.1-4", "QoS 3 ends the connection."),
  server("3.3.1-5", "RETAIN 1 keeps message and QoS for who comes later.", {
    limit: "over a quota of retained topics it is delivered, not kept, and its sender told",
  }),
  server("3.3.1-6", "A new subscription gets the retained messages that match."),
  server("3.3.1-7", "RETAIN 1 at QoS 0 takes the place of what was kept."),
  server("3.3.1-8", "RETAIN is 1 on a message that a new subscription brings."),
  server("3.3.1-9", "RETAIN is 0 on a message for a subscription there is."),
  server("3.3.1-10", "An empty message with RETAIN 1 is heard, and removes what is kept."),
  server("3.3.1-11", "An empty message is not kept."),
  server("3.3.1-12", "RETAIN 0 neither keeps nor removes."),
  both("3.3.2-1", "PUBLISH begins with its topic, which is text."),
  both("3.3.2-2", "The topic of a PUBLISH has no wildcards."),
  server("3.3.2-3", "The topic that a subscriber hears matches its filter."),
  both("3.3.4-1", "A PUBLISH is answered as its QoS wants."),
  server("3.3.5-1", "Where filters overlap, the highest QoS counts."),
  server("3.3.5-2", "A PUBLISH that is not allowed is acknowledged, or ends the connection."),
  both("3.6.1-1", "PUBREL has flags 0010, else the end."),
  both("3.8.1-1", "SUBSCRIBE has flags 0010, else the end."),
  both("3.8.3-1", "Filters in SUBSCRIBE are text."),
  server("3.8.3-2", "A server without wildcards refuses filters that have some."),
  both("3.8.3-3", "SUBSCRIBE has a filter at least, else the end."),
  server("3.8.3-4", "QoS 3 or reserved bits in SUBSCRIBE end the connection."),
  server("3.8.4-1", "SUBSCRIBE is answered with SUBACK."),
  server("3.8.4-2", "SUBACK has the identifier of its SUBSCRIBE."),
  server("3.8.4-3", "A filter subscribed again is replaced, retained messages come, no gap."),
  server("3.8.4-4", "Several filters in one SUBSCRIBE are as several SUBSCRIBEs."),
  server("3.8.4-5", "SUBACK has a code for each filter.", { limit: twice }),
  server("3.8.4-6", "A message has the lower QoS of publish and subscription."),
  server("3.9.3-1", "Codes in SUBACK are in the order of the filters.", { limit: twice }),
  server("3.9.3-2", "SUBACK has no codes but 0, 1, 2, 0x80."),
  both("3.10.1-1", "UNSUBSCRIBE has flags 0010, else the end."),
  both("3.10.3-1", "Filters in UNSUBSCRIBE are text."),
  both("3.10.3-2", "UNSUBSCRIBE has a filter at least, else the end."),
  server("3.10.4-1", "UNSUBSCRIBE ends what has its filter, character by character."),
  server("3.10.4-2", "What is unsubscribed brings no new messages."),
  server("3.10.4-3", "What is on its way at QoS 1 and 2 comes to its end all the same."),
  server("3.10.4-4", "UNSUBSCRIBE is answered with UNSUBACK under its identifier."),
  server("3.10.4-5", "UNSUBACK comes also where nothing was subscribed."),
  server("3.10.4-6", "Several filters in one UNSUBSCRIBE are as several, with one answer."),
  server("3.12.4-1", "PINGREQ is answered with PINGRESP."),
  both("3.14.1-1", "DISCONNECT has no flags, else the end."),
  client("3.14.4-1", "A client closes behind its DISCONNECT."),
  client("3.14.4-2", "A client sends nothing behind its DISCONNECT."),
  server("3.14.4-3", "DISCONNECT removes the will."),
  both("4.1.0-1", "A session is stored for as long as it lasts.", { limit: restart }),
  both("4.1.0-2", "A session lasts at least as its connection does."),
  both("4.3.1-1", "QoS 0 is sent with DUP 0."),
  both("4.3.2-1", "QoS 1: a free identifier, DUP 0, on its way until PUBACK."),
  both("4.3.2-2", "QoS 1: PUBACK, and then the identifier means a new message."),
  both("4.3.3-1", "QoS 2: a free identifier, DUP 0, PUBREL for PUBREC, then no PUBLISH again."),
  both("4.3.3-2", "QoS 2: PUBREC each time, handed on once, PUBCOMP, then a new message.", {
    limit: restart,
  }),
  both("4.4.0-1", "A session that goes on sends again what was not acknowledged, as it was."),
  server("4.5.0-1", "A message goes into the session of each subscriber.", { limit: refused }),
  client("4.5.0-2", "A client acknowledges each PUBLISH, whatever it does with it."),
  both("4.6.0-1", "What is sent again is sent in its old order."),
  both("4.6.0-2", "PUBACKs are in the order of what they answer."),
  both("4.6.0-3", "PUBRECs are in the order of what they answer."),
  both("4.6.0-4", "PUBRELs are in the order of what they answer."),
  server("4.6.0-5", "Topics are ordered."),
  server("4.6.0-6", "A client's messages of one topic and QoS arrive in their order."),
  both("4.7.1-1", "Topics have no wildcards, filters may."),
  both("4.7.1-2", "# stands alone or behind /, and last."),
  both("4.7.1-3", "+ fills a whole level."),
  server("4.7.2-1", "A leading wildcard does not reach topics that begin with $."),
  both("4.7.3-1", "Topics and filters have a character at least."),
  both("4.7.3-2", "Topics and filters hold no U+0000."),
  both("4.7.3-3", "Topics and filters have 65,535 bytes at most.", {
    limit: "and 100 levels at most: deeper ones end the connection",
  }),
  server("4.7.3-4", "Topics are compared as they are, without normalisation."),
  both("4.8.0-1", "A breach of the protocol ends the connection.", {
    limit: "an acknowledgement of another QoS than its message is passed over, and ends nothing",
  }),
  both("4.8.0-2", "A passing failure to handle a packet ends the connection.", {
    limit: "while the store fails publishes are kept back, then accepted: `stored` tells of them",
  }),
  both("6.0.0-1", "WebSocket frames are binary, else the end."),
  both("6.0.0-2", "Packets and WebSocket frames need not end together."),
  client("6.0.0-3", "A client offers the subprotocol mqtt."),
  server("6.0.0-4", "The server picks the subprotocol mqtt."),
  server("7.0.0-1", "A server that connects to servers is a conformant client too.", {
    waived: `bridges to other hubs and brokers are MQTT.js, which is its project's to prove`,
  }),
  both("7.0.0-2", "Nothing outside the standard is asked for."),
  server("7.1.1-1", "The server speaks over an ordered, lossless stream of bytes."),
  client("7.1.2-1", "The client speaks over an ordered, lossless stream of bytes."),
];

type Notes = Pick<Clause, "waived" | "limit">;

function server(id: string, says: string, notes: Notes = {}): Clause {
  return { id: `MQTT-${id}`, binds: "server", says, ...notes };
}

function both(id: string, says: string, notes: Notes = {}): Clause {
  return { id: `MQTT-${id}`, binds: "both", says, ...notes };
}

function client(id: string, says: string): Clause {
  return { id: `MQTT-${id}`, binds: "client", says, waived: theirs };
}
