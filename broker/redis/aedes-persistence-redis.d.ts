/** What the door uses of the library, which ships no types of its own. */
declare module "aedes-persistence-redis/asyncPersistence.js" {
  interface Subscription {
    readonly topic: string;
    readonly qos: number;
  }
  interface ClientOf {
    readonly id: string;
    readonly brokerId?: string;
  }
  export default class AsyncRedisPersistence {
    constructor(options: { readonly conn: object });
    setup(broker: object): Promise<void>;
    addSubscriptions(client: ClientOf, subscriptions: readonly Subscription[]): Promise<void>;
    removeSubscriptions(client: ClientOf, filters: readonly string[]): Promise<void>;
    subscriptionsByClient(client: ClientOf): Promise<Subscription[]>;
    subscriptionsByTopic(topic: string): Promise<(Subscription & { readonly clientId: string })[]>;
    cleanSubscriptions(client: ClientOf): Promise<void>;
    countOffline(): Promise<{ readonly subsCount: number; readonly clientsCount: number }>;
    getClientList(topic: string): Iterable<string>;
    incomingStorePacket(client: ClientOf, packet: object): Promise<void>;
    incomingGetPacket(client: ClientOf, packet: object): Promise<object>;
    incomingDelPacket(client: ClientOf, packet: object): Promise<void>;
    cleanIncoming(client: ClientOf): Promise<void>;
    putWill(client: ClientOf, packet: object): Promise<void>;
    getWill(client: ClientOf): Promise<object | null>;
    delWill(client: ClientOf): Promise<object | null>;
    streamWill(brokers: Readonly<Record<string, unknown>>): AsyncIterable<object>;
  }
}
