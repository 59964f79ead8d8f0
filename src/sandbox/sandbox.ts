// The contract of sandboxes: namespaces and the interfaces in them.
import type { InterfaceAddress, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { Attachment, Route } from '../model/attachment.ts';
import type { Difference } from '../model/difference.ts';
import type { InterfaceSettings } from '../model/interface-settings.ts';
import type { Sandbox, SandboxNamespace } from '../model/sandbox.ts';

export type PinnedNamespace = Extract<SandboxNamespace, { kind: 'pinned' }>;
export type AdoptedNamespace = Extract<SandboxNamespace, { kind: 'adopted' }>;

/** The default routes of a sandbox: a gateway and the interface it is on, per family. */
export interface DefaultRoutes {
  readonly ipv4?: { readonly gateway: IpAddress; readonly ifname: string };
  readonly ipv6?: { readonly gateway: IpAddress; readonly ifname: string };
}

/** An interface on the host that belongs to an attachment: the bridge, the host end of a veth, an ifb. */
export interface HostInterface {
  readonly name: string;
  readonly mac: MacAddress;
  readonly mtuBytes: number;
}

/** Where an offered interface was taken to. */
export interface TakenInterface {
  readonly namespace: AdoptedNamespace;
  /** Its name there. */
  readonly ifname: string;
}

/** An interface somebody else made, as it is. */
export interface FoundInterface {
  readonly settings: Required<InterfaceSettings>;
  readonly up: boolean;
  /** But for link-local ones of IPv6. */
  readonly addresses: readonly InterfaceAddress[];
  /** Of all tables; a default route's destination is 0.0.0.0/0 or ::/0. */
  readonly routes: readonly Route[];
  /** For a veth: name of its other end on the host, and of the bridge that one is a port of. */
  readonly host?: { readonly ifname: string; readonly bridge?: string };
}

export interface Sandboxes {
  /** Makes a network namespace with loopback up, pinned as NETNS_DIR/name. Errors: `already_exists` when that path is taken. */
  create(name: string): Promise<PinnedNamespace>;
  /**
   * `local`: the path is on no file system that could hang, which saves finding out.
   * Errors: `not_found` (no such process or path), `invalid_parameter` (not a network namespace, or the host's own).
   */
  adopt(
    target: { readonly pid: number } | { readonly path: string; readonly local?: true },
  ): Promise<AdoptedNamespace>;
  /**
   * Brings loopback up or down in the namespace at a path; returns the addresses it has. Errors: `not_found`,
   * `invalid_parameter` (not a network namespace, or the host's own).
   */
  loopback(path: string, up: boolean): Promise<readonly InterfaceAddress[]>;
  /** What somebody else made. Errors: `not_found`. */
  lookAt(namespace: SandboxNamespace, ifname: string): Promise<FoundInterface>;
  /** Names of all interfaces in a namespace, whoever made them. Errors: `not_found`. */
  interfaces(namespace: SandboxNamespace): Promise<readonly string[]>;
  /**
   * True while the recorded namespace can be entered and is still the same one, or, of an awaited one, there is any at its
   * path; those of others are not looked at.
   */
  exists(namespace: SandboxNamespace): Promise<boolean>;
  /**
   * Makes the interface and configures it, and sets the default routes, in one netlink program that stops at the first
   * error and leaves nothing. When it returns the first packet gets through.
   * Returns the interfaces on the host that belong to it: bridge, host end, ifb, in this order.
   * One that is offered is made on the host, with its name, MAC address and MTU alone; the namespace is not looked at, and
   * nothing is returned.
   * Errors: `conflict` (interface name taken), `exhausted` (bridge full: 1,023 ports), `not_found`, `not_implemented`.
   */
  attach(
    namespace: SandboxNamespace,
    attachment: Attachment,
    routes: DefaultRoutes,
  ): Promise<readonly HostInterface[]>;
  /**
   * Removes the interface (or puts one that somebody else made back to what it was) and sets the default routes that remain;
   * returns when it can be seen no more. Absent is fine.
   */
  detach(namespace: SandboxNamespace, attachment: Attachment, routes: DefaultRoutes): Promise<void>;
  /**
   * Brings an attachment back to what it should be by the smallest change that does it: what is missing is added, and only
   * an interface that is gone or of the wrong kind is made anew. Errors as `attach`.
   */
  repair(namespace: SandboxNamespace, attachment: Attachment, routes: DefaultRoutes): Promise<void>;
  /**
   * Where the interface of an offered attachment is by now: in the namespace at that path, under a name of its taker's.
   * Undefined as long as there is no namespace, or it is not in it, or its taker is still at it: it has the name it was
   * offered by, or is down.
   */
  findTaken(path: string, attachment: Attachment): Promise<TakenInterface | undefined>;
  /** Replaces the sandbox's default routes. */
  setDefaultRoutes(namespace: SandboxNamespace, routes: DefaultRoutes): Promise<void>;
  /** Unpins a namespace we made; links in it are gone when this returns or soon after. Adopted ones are left alone. */
  remove(namespace: SandboxNamespace, attachments: readonly Attachment[]): Promise<void>;
  /** What is missing or wrong for these attachments; changes nothing. */
  inspect(
    namespace: SandboxNamespace,
    attachments: readonly Attachment[],
    routes: DefaultRoutes,
  ): Promise<readonly Difference[]>;
  /** Pins and host-side links of ours that no record accounts for. `keep` holds the recorded ones. */
  strays(keep: {
    readonly namespaces: readonly SandboxNamespace[];
    readonly attachments: readonly Attachment[];
  }): Promise<readonly Stray[]>;
  removeStray(stray: Stray): Promise<void>;
  /** Waits until the kernel is done with what was removed. Errors: what failed after it could be seen no more. */
  close(): Promise<void>;
}

/** Something of ours no record accounts for: a host link (by name) or a namespace pin (by path). */
export interface Stray {
  readonly kind: 'link' | 'pin';
  readonly name: string;
}

/** The files a sandbox's processes see as /etc/hosts, /etc/hostname and /etc/resolv.conf. */
export interface SandboxFiles {
  /** Writes or rewrites them; returns their paths. Each file is replaced in place, so that bind mounts follow. */
  write(
    sandbox: Sandbox,
    view: {
      readonly usesResolver: boolean;
      readonly addresses: readonly IpAddress[];
    },
  ): Promise<SandboxFilePaths>;
  /** Where they are, and where the output and state of a detached process go. */
  paths(sandbox: Sandbox): SandboxFilePaths;
  /** Undefined when no supervisor has written anything. */
  supervisorState(sandbox: Sandbox): SupervisorState | undefined;
  remove(sandbox: Sandbox): Promise<void>;
}

/** What the supervisor of a detached process last wrote, see docs/launch-plan.md. */
export type SupervisorState =
  | { readonly running: { readonly pid: number; readonly startTime: number } }
  | { readonly exited: number };

export interface SandboxFilePaths {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  readonly log: string;
  readonly state: string;
}

/** Tells when processes end, by pidfd. */
export interface ProcessWatcher {
  /** Start time of a live process in clock ticks since boot, or undefined. */
  startTime(pid: number): number | undefined;
  /** Calls back once when the process ends; at once if it has ended or the pid is another process by now. Returns a cancel function. */
  watch(pid: number, startTime: number, ended: () => void): () => void;
  /** Sends a signal (`TERM`, `KILL`, …) to that very process. False when it has ended. */
  signal(pid: number, startTime: number, signal: string): boolean;
}

/** An interface of the host that was deleted, taken down, taken off its bridge or lost an address; `overrun` when changes were missed. */
export type LinkChange = { readonly ifname: string } | 'overrun';

/** Tells of changes to the host's interfaces that could harm ours. */
export interface LinkWatcher {
  /** Returns a cancel function. */
  watch(listener: (change: LinkChange) => void): () => void;
}
