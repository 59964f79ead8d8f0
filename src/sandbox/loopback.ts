// The loopback interface of a namespace somebody else made.
import type { InterfaceAddress } from '../base/cidr.ts';
import type { Namespace } from '../kernel/netns.ts';
import { runProgram } from '../kernel/program.ts';
import { readAddresses, request } from '../kernel/rtnetlink/client.ts';
import { changeLink } from '../kernel/rtnetlink/link.ts';

/** LOOPBACK_IFINDEX, include/net/net_namespace.h: it is the first link of every namespace. */
const index = 1;

/** Brings it up or down; returns the addresses it has. */
export async function setLoopback(open: Namespace, up: boolean): Promise<readonly InterfaceAddress[]> {
  await runProgram([request('namespace', changeLink({ index }, { up }))], open);
  const addresses = await readAddresses(index, open);
  return addresses.filter(({ link }) => link === index).map(({ address }) => address);
}
