// Policy routing rules: which table a packet is looked up in.
import type { Cidr, IpFamily } from '../../base/cidr.ts';
import { prefixOf } from '../../base/cidr.ts';
import { Attributes } from '../netlink/attribute.ts';
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
} from '../netlink/message.ts';
import * as k from './constants.ts';
import { addressFamily, cidr, networkBytes } from './route.ts';

export interface Rule {
  readonly family: IpFamily;
  /** Rules are tried in ascending order. */
  readonly priority: number;
  readonly from?: Cidr;
  readonly to?: Cidr;
  readonly iifname?: string;
  readonly mark?: { readonly value: number; readonly mask: number };
  readonly table: number;
}

// struct fib_rule_hdr, include/uapi/linux/fib_rules.h
//   offset  size  field
//   0       1     family
//   1       1     dst_len
//   2       1     src_len
//   3       1     tos
//   4       1     table     RT_TABLE_UNSPEC when the number needs FRA_TABLE
//   5       2     reserved
//   7       1     action    FR_ACT_…
//   8       4     flags
const structBytes = 12;

/** Errors: EEXIST. */
export function addRule(rule: Rule): Uint8Array {
  return encodeRule(k.RTM_NEWRULE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, rule);
}

/** Errors: ENOENT. */
export function removeRule(rule: Rule): Uint8Array {
  return encodeRule(k.RTM_DELRULE, NLM_F_REQUEST | NLM_F_ACK, rule);
}

/** Asks for the rules of one family; to be sent as a dump. */
export function listRules(family: IpFamily): Uint8Array {
  return encodeMessage(k.RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP, (struct) => {
    struct.u8(addressFamily(family));
    struct.zeros(structBytes - 1);
  });
}

/** The payload of an RTM_NEWRULE. */
export function decodeRule(payload: Uint8Array): Rule {
  const [fraFamily, toLength = 0, fromLength = 0, , table = 0] = payload;
  const family = fraFamily === k.AF_INET6 ? 6 : 4;
  const attributes = new Attributes(payload.subarray(structBytes));
  const from = attributes.bytes(k.FRA_SRC);
  const to = attributes.bytes(k.FRA_DST);
  const iifname = attributes.string(k.FRA_IIFNAME);
  const value = attributes.u32(k.FRA_FWMARK);
  return {
    family,
    priority: attributes.u32(k.FRA_PRIORITY) ?? 0,
    ...(from !== undefined && { from: cidr(from, fromLength, family) }),
    ...(to !== undefined && { to: cidr(to, toLength, family) }),
    ...(iifname !== undefined && { iifname }),
    ...(value !== undefined && { mark: { value, mask: attributes.u32(k.FRA_FWMASK) ?? 0xffffffff } }),
    table: attributes.u32(k.FRA_TABLE) ?? table,
  };
}

function encodeRule(type: number, flags: number, rule: Rule): Uint8Array {
  return encodeMessage(type, flags, (struct, attributes) => {
    struct.u8(addressFamily(rule.family));
    struct.u8(rule.to === undefined ? 0 : prefixOf(rule.to));
    struct.u8(rule.from === undefined ? 0 : prefixOf(rule.from));
    struct.u8(0);
    struct.u8(rule.table < 256 ? rule.table : k.RT_TABLE_UNSPEC);
    struct.zeros(2);
    struct.u8(type === k.RTM_NEWRULE ? k.FR_ACT_TO_TBL : 0);
    struct.u32(0);
    if (rule.from !== undefined) attributes.bytes(k.FRA_SRC, networkBytes(rule.from));
    if (rule.to !== undefined) attributes.bytes(k.FRA_DST, networkBytes(rule.to));
    if (rule.iifname !== undefined) attributes.string(k.FRA_IIFNAME, rule.iifname);
    if (rule.mark !== undefined) {
      attributes.u32(k.FRA_FWMARK, rule.mark.value);
      attributes.u32(k.FRA_FWMASK, rule.mark.mask);
    }
    if (rule.table > 255) attributes.u32(k.FRA_TABLE, rule.table);
    attributes.u32(k.FRA_PRIORITY, rule.priority);
  });
}
