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

interface Native {
  /** Steps are four words each: verb, place, acks, length in `bytes`; see native/addon/program.h. */
  submit(reaper: boolean, namespaceFd: number, steps: Uint32Array, bytes: Uint8Array): Promise<NativeOutcome>;
  openNamespace(path: string): Promise<NamespaceIdentity & { readonly fd: number }>;
  createPinnedNamespace(path: string, disableIpv6: boolean): Promise<NamespaceIdentity>;
  unpinNamespace(path: string): Promise<void>;
}

/** The same relative path from src/kernel and from dist/kernel. */
export const native: Native = createRequire(import.meta.url)('../../build/Release/fairlead.node');
