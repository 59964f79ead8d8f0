// Filters on what a link receives: one that sends everything on through another link.
import { Attributes, type AttributeWriter } from '../netlink/attribute.ts';
import { type ByteWriter, littleEndian, viewOf } from '../netlink/byte-writer.ts';
import { encodeMessage, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REQUEST } from '../netlink/message.ts';
import * as k from './constants.ts';
import { tcmsgBytes, writeTcmsg } from './qdisc.ts';

export interface Redirection {
  /** Index of the link that receives. */
  readonly link: number;
  /** Index of the link everything leaves by instead of being received, of kind `ifb` to come back after that. */
  readonly to: number;
}

/** A filter on ingress. */
export interface Filter {
  /** Index of the link. */
  readonly link: number;
  /** Filters are asked in ascending order. */
  readonly priority: number;
  /** The kernel's name of the classifier: `u32`, `matchall`, `bpf`, … */
  readonly kind: string;
  /** Index of the link that everything is redirected to; undefined for a filter that does anything else. */
  readonly redirectsTo: number | undefined;
}

/** Where filters on ingress are, of a qdisc `ingress` as well as of a `clsact`. */
const ingressParent = 0xffff_0000 + k.TC_H_MIN_INGRESS;

/** Asked before all others. */
const priority = 1;
/** The first entry of the hash table that each u32 classifier starts out with: `800::800` in tc(8). */
const handle = 0x8000_0800;

/**
 * Redirects all that a link receives, in place of an earlier redirection. Needs `addIngress`. The classifier is u32, which
 * every kernel with traffic control has; `matchall` came with Linux 4.8 and is an option of its own (CONFIG_NET_CLS_MATCHALL).
 * Errors: EINVAL or ENOENT without `addIngress`, EINVAL when the first u32 filter of the link is somebody else's.
 */
export function redirectIngress({ link, to }: Redirection): Uint8Array {
  // Without NLM_F_EXCL, a filter that has the handle is changed.
  return encodeMessage(k.RTM_NEWTFILTER, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, (struct, attributes) => {
    const info = priority * 0x10000 + allProtocols();
    writeTcmsg(struct, { link, handle, parent: ingressParent, info });
    attributes.string(k.TCA_KIND, 'u32');
    attributes.nested(k.TCA_OPTIONS, (options) => {
      options.nested(k.TCA_U32_ACT, (actions) => actions.nested(1, (action) => writeRedirect(action, to)));
      options.struct(k.TCA_U32_SEL, writeMatchAll);
    });
  });
}

/** Asks for the filters on ingress of one link; to be sent as a dump. */
export function listFilters(link: number): Uint8Array {
  return encodeMessage(k.RTM_GETTFILTER, NLM_F_REQUEST | NLM_F_DUMP, (struct) =>
    writeTcmsg(struct, { link, parent: ingressParent }),
  );
}

/** The payload of an RTM_NEWTFILTER; undefined for the parts of a classifier that are no filter. */
export function decodeFilter(payload: Uint8Array): Filter | undefined {
  const struct = viewOf(payload);
  const attributes = new Attributes(payload.subarray(tcmsgBytes));
  const kind = attributes.string(k.TCA_KIND) ?? '';
  const options = attributes.nested(k.TCA_OPTIONS);
  // Each classifier is told by itself before its filters, and the hash tables of u32 among them.
  if (options === undefined || (kind === 'u32' && !options.has(k.TCA_U32_SEL))) return undefined;
  return {
    link: struct.getInt32(4, littleEndian),
    priority: struct.getUint32(16, littleEndian) >>> 16,
    kind,
    redirectsTo: kind === 'u32' && matchesAll(options) ? decodeRedirect(options) : undefined,
  };
}

/** ETH_P_ALL in network byte order. */
function allProtocols(): number {
  return littleEndian ? k.ETH_P_ALL << 8 : k.ETH_P_ALL;
}

// struct tc_u32_sel, include/uapi/linux/pkt_cls.h
//   offset  size  field
//   0       1     flags      TC_U32_TERMINAL: a match ends the search
//   1       1     offshift
//   2       1     nkeys
//   3       1     padding
//   4       2     offmask
//   6       2     off
//   8       2     offoff
//   10      2     hoff
//   12      4     hmask
//   16      16    for each key: mask, value (in network byte order), off, offmask
const keysAt = 16;
const keyBytes = 16;

function writeMatchAll(out: ByteWriter): void {
  out.u8(k.TC_U32_TERMINAL);
  out.u8(0);
  out.u8(1);
  out.zeros(keysAt - 3);
  out.zeros(keyBytes); // no bit of the first word matters
}

function matchesAll(options: Attributes): boolean {
  const keys = options.bytes(k.TCA_U32_SEL)?.subarray(keysAt) ?? new Uint8Array();
  for (let at = 0; at < keys.length; at += keyBytes) {
    if (viewOf(keys).getUint32(at) !== 0) return false;
  }
  return !options.has(k.TCA_U32_MARK);
}

// struct tc_mirred, include/uapi/linux/tc_act/tc_mirred.h
//   offset  size  field
//   0       4     index      of the action; chosen by the kernel
//   4       4     capab
//   8       4     action     TC_ACT_…: what becomes of the packet afterwards
//   12      4     refcnt
//   16      4     bindcnt
//   20      4     eaction    TCA_EGRESS_REDIR
//   24      4     ifindex
function writeRedirect(action: AttributeWriter, to: number): void {
  action.string(k.TCA_ACT_KIND, 'mirred');
  action.nested(k.TCA_ACT_OPTIONS, (options) =>
    options.struct(k.TCA_MIRRED_PARMS, (out) => {
      out.zeros(8);
      out.u32(k.TC_ACT_STOLEN);
      out.zeros(8);
      out.u32(k.TCA_EGRESS_REDIR);
      out.u32(to);
    }),
  );
}

/** Where the only action sends a packet, if it redirects. */
function decodeRedirect(options: Attributes): number | undefined {
  const [action, ...further] = options.list(k.TCA_U32_ACT);
  if (action?.string(k.TCA_ACT_KIND) !== 'mirred' || further.length > 0) return undefined;
  const bytes = action.nested(k.TCA_ACT_OPTIONS)?.bytes(k.TCA_MIRRED_PARMS);
  if (bytes === undefined) return undefined;
  const struct = viewOf(bytes);
  return struct.getInt32(20, littleEndian) === k.TCA_EGRESS_REDIR
    ? struct.getInt32(24, littleEndian)
    : undefined;
}
