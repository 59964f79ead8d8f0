// The native addon with types; its only importer. Arguments are checked by the modules over it, not here or in C++.
import { createRequire } from 'node:module';

/** Device and inode tell namespaces apart for as long as they exist. */
export interface NamespaceIdentity {
  readonly device: number;
  readonly inode: number;
}

/** What a program comes to: nothing but acknowledgements, replies, or a refusal. */
export type NativeOutcome =
  | undefined
  | {
      /** The messages of all steps, each padded to a multiple of four bytes. */
      readonly replies: Uint8Array;
      /** Two words for each step: where its replies end, and 1 if the dump was interrupted. */
      readonly ends: Uint32Array;
    }
  | {
      readonly step: number;
      readonly errno: number;
      readonly extendedAck?: string;
      readonly offset?: number;
    };

/** Steps are four words each: verb, place, acks, length in `bytes`; see native/addon/program.h. */
export type NativeRun = (
  namespaceFd: number,
  steps: Uint32Array,
  bytes: Uint8Array,
) => Promise<NativeOutcome>;

/** A name server, see native/addon/name_server_binding.cc. */
export interface NativeNameServer {
  /** False when earlier changes turned out to be malformed. */
  apply(changes: Uint8Array): boolean;
  /** Takes the sockets, also when it throws. The number not meant of sandbox and network is 0. */
  listen(
    udp: number,
    tcp: number,
    sandbox: number,
    network: number,
    unknownIsElsewhere: boolean,
    datagramBytes: number,
    connectionsMax: number,
    idleMs: number,
  ): number;
  close(listener: number): void;
  /** Questions one after the other, see native/addon/left_questions.h; empty when there are none. */
  takeLeft(): Buffer;
  /** Replies one after the other, see native/addon/name_server.h. */
  reply(replies: Uint8Array): void;
  counts(): {
    /** Seven figures for each: its number, questions, answered, no data, no name, remembered, left. */
    readonly sandboxes: Float64Array;
    /** Two figures for each: its number, answered. */
    readonly networks: Float64Array;
    readonly malformed: number;
    readonly overflowed: number;
    readonly connections: number;
  };
  stop(): void;
}

/** See native/keeper/message.h. */
export interface KeeperAnswer {
  readonly kind: string;
  readonly key: string;
  readonly fds: readonly number[];
}

/** A namespace descriptor of -1 is the daemon's own namespace. */
interface Native {
  readonly runProgram: NativeRun;
  readonly runReaper: NativeRun;
  openNamespace(path: string): NamespaceIdentity & { readonly fd: number };
  socketNamespace(fd: number): NamespaceIdentity;
  createPinnedNamespace(path: string, disableIpv6: boolean): Promise<NamespaceIdentity>;
  unpinNamespace(path: string): Promise<void>;
  /** A UDP and a TCP socket, or none. */
  openServers(namespaceFd: number, address: string, port: number): Promise<[udp: number, tcp: number]>;
  /** One bound, or listening. */
  openServer(namespaceFd: number, protocol: 'tcp' | 'udp', address: string, port: number): Promise<number>;
  /** A raw socket of ICMP, connected. */
  openEcho(namespaceFd: number, address: string): Promise<number>;
  /** A bound UDP socket, or a TCP socket on its way to the target. */
  openClient(
    namespaceFd: number,
    protocol: 'tcp' | 'udp',
    from: string,
    to: string,
    port: number,
  ): Promise<number>;
  /**
   * Sockets of UDP and TCP at the first of the ports that is free, and the netlink socket its batch was sent by; the last message of a
   * batch asks for an acknowledgement. `elsewhere` is another address, or empty; see native/addon/led_servers.h.
   */
  openLedServers(
    namespaceFd: number,
    address: string,
    ledPort: number,
    elsewhere: string,
    ports: Uint16Array,
    batches: readonly Uint8Array[],
  ): Promise<[udp: number, tcp: number, owner: number]>;
  /** By that socket, which alone may change what it owns. */
  commitBy(fd: number, batch: Uint8Array): Promise<void>;
  holdPort(
    protocol: 'tcp' | 'udp' | 'sctp',
    address: string,
    port: number,
    bothFamilies: boolean,
  ): { fd: number; port: number };
  /** Takes the socket, also when it throws. `filter` is an array of `struct sock_filter`. */
  relayPort(
    fd: number,
    protocol: 'tcp' | 'udp',
    address: string,
    port: number,
    filter: Uint8Array,
    most: number,
    idleMs: number,
  ): void;
  closeRelaysTo(ifnames: readonly string[]): void;
  endRelays(fds: Int32Array): void;
  /** Calls back whenever questions are left; the callback has to take them. */
  startNameServer(onLeft: () => void): NativeNameServer;
  sendToUnix(path: string, text: string): void;
  /** A connection to the one started. */
  startKeeper(executable: string, path: string, waitMs: number): Promise<number>;
  /** The pid is 0 when the process is not to be seen from here. */
  connectKeeper(path: string): Promise<{ readonly fd: number; readonly pid: number }>;
  /** The last answer says how it went. The descriptors may be closed at once. */
  askKeeper(
    connection: number,
    kind: string,
    key: string,
    fds: Int32Array,
    timeoutMs: number,
  ): Promise<readonly KeeperAnswer[]>;
  openMulticast(namespaceFd: number, protocol: 'route' | 'netfilter', groups: Uint32Array): Promise<number>;
  openMulticastEverywhere(messageType: number, groups: Uint32Array): Promise<number>;
  /**
   * The next datagram, with the number of the namespace it is from unless that is the socket's own; `undefined` when there is
   * none yet, `null` when some were lost.
   */
  receive(fd: number): { readonly bytes: Uint8Array; readonly namespaceId?: number } | undefined | null;
  /** Calls back whenever the descriptor is readable, until the function returned is called, which closes it. */
  poll(fd: number, onReadable: () => void): () => void;
  /** A pidfd. */
  openProcess(pid: number): number;
  signalProcess(pidfd: number, signal: number): void;
  raiseOpenFiles(wanted: number): number;
  hasTransmitChecksum(ifname: string): Promise<boolean>;
  setTransmitChecksum(ifname: string, on: boolean): Promise<void>;
}

/** The same relative path from src/kernel and from dist/kernel. */
export const native: Native = createRequire(import.meta.url)('../../build/Release/fairlead.node');
