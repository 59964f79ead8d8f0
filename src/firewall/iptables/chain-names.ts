// What our chains are called, apart from those of single networks and endpoints. iptables takes names of 28 characters.
import { chainPrefix } from './table.ts';

export const own = {
  raw: `${chainPrefix}RAW`,
  loopback: `${chainPrefix}LOOPBACK`,
  filter: `${chainPrefix}FILTER`,
  segments: `${chainPrefix}MSS`,
  between: `${chainPrefix}BETWEEN`,
  betweenTo: `${chainPrefix}BETWEEN-TO`,
  allowed: `${chainPrefix}ALLOWED`,
  apart: `${chainPrefix}NEW`,
  pass: `${chainPrefix}PASS`,
  accept: `${chainPrefix}ACCEPT`,
  names: `${chainPrefix}NAMES`,
  dnat: `${chainPrefix}DNAT`,
  dnatAddress: `${chainPrefix}DNAT-ADDRESS`,
  dnatAny: `${chainPrefix}DNAT-ANY`,
  snat: `${chainPrefix}SNAT`,
  snatHost: `${chainPrefix}SNAT-HOST`,
  snatPublished: `${chainPrefix}SNAT-PUBLISHED`,
  snatNetworks: `${chainPrefix}SNAT-NETWORKS`,
} as const;
