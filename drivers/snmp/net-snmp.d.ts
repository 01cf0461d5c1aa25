/** What the door uses of the library, which ships no types of its own. */
declare module "net-snmp" {
  import type { EventEmitter } from "node:events";

  export interface Varbind {
    readonly oid: string;
    readonly type: number;
    readonly value: unknown;
  }

  export interface User {
    readonly name: string;
    readonly level: number;
    readonly authProtocol?: number;
    readonly authKey?: string;
    readonly privProtocol?: number;
    readonly privKey?: string;
  }

  interface DgramModule {
    createSocket(type: string): EventEmitter;
  }

  interface SessionOptions {
    readonly version?: number;
    readonly port: number;
    readonly timeout: number;
    readonly retries: number;
    readonly context?: string;
    readonly dgramModule: DgramModule;
  }

  type Done<Answer> = (error: unknown, answer: Answer) => void;

  export interface Session extends EventEmitter {
    get(oids: readonly string[], done: Done<readonly Varbind[]>): void;
    getNext(oids: readonly string[], done: Done<readonly Varbind[]>): void;
    getBulk(
      oids: readonly string[],
      nonRepeaters: number,
      maxRepetitions: number,
      done: Done<readonly (readonly Varbind[])[]>,
    ): void;
    close(): void;
  }

  export function createSession(host: string, community: string, options: SessionOptions): Session;
  export function createV3Session(host: string, user: User, options: SessionOptions): Session;

  interface Receiver {
    getAuthorizer(): { addCommunity(community: string): void; addUser(user: User): void };
    close(): void;
  }

  interface ReceiverOptions {
    readonly port: number;
    readonly engineID: string;
    readonly includeAuthentication: true;
    readonly dgramModule: DgramModule;
  }

  export function createReceiver(
    options: ReceiverOptions,
    heard: (error: unknown, notification: unknown) => void,
  ): Receiver;

  export function isVarbindError(varbind: Varbind): boolean;
  export const Version1: number;
  export const Version2c: number;
  export const SecurityLevel: Readonly<Record<string, number>>;
  export const AuthProtocols: Readonly<Record<string, number>>;
  export const PrivProtocols: Readonly<Record<string, number>>;
  interface Engine {
    readonly engineID: Uint8Array;
  }

  /** Its last arguments: protocol, salt to decrypt by, passphrase, protocol of the keys, engine. */
  interface Cipher {
    encryptPdu(
      ...given: [pdu: Uint8Array, priv: number, password: string, auth: number, engine: Engine]
    ): { readonly encryptedPdu: Buffer; readonly msgPrivacyParameters: Buffer };
    decryptPdu(
      ...given: [
        pdu: Uint8Array,
        priv: number,
        salt: Uint8Array,
        password: string,
        auth: number,
        engine: Engine,
      ]
    ): Buffer;
  }

  export const Encryption: { readonly algorithms: Record<number, Cipher> };
  export const Authentication: {
    authToKeyCache: Record<string, unknown>;
    passwordToKey(auth: number, password: string, engine: Uint8Array): Buffer;
  };
  export class RequestFailedError extends Error {
    readonly status: number;
  }
  export class RequestTimedOutError extends Error {}
  export class ResponseInvalidError extends Error {
    readonly code: number;
  }
}
