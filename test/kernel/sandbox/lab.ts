// A bridge with sandboxes on it, for suites of one interface's settings.

import { afterAll, beforeAll, expect } from 'vitest';
import { parseInterfaceAddress, parseIp } from '../../../src/base/cidr.ts';
import { NetError } from '../../../src/base/errors.ts';
import { parseMac } from '../../../src/base/mac.ts';
import type { Attachment } from '../../../src/model/attachment.ts';
import { NetnsSandboxes } from '../../../src/sandbox/netns-sandbox.ts';
import { makeWorkspace, requireOwnNetwork, run } from '../../support/own-network.ts';

export const bridge = 'lab-br';
export const gateways = { ipv4: parseIp('10.71.0.1', 'test'), ipv6: parseIp('fd71::1', 'test') };
export const routes = {
  ipv4: { gateway: gateways.ipv4, ifname: 'eth0' },
  ipv6: { gateway: gateways.ipv6, ifname: 'eth0' },
};

/** The bridge and somewhere to pin namespaces, for all tests of a file. */
export function useLab() {
  const workspace = makeWorkspace();
  beforeAll(() => {
    requireOwnNetwork();
    makeBridge();
  });
  afterAll(() => {
    run(`ip link delete ${bridge}`);
    workspace.remove();
  });
  return { workspace, sandboxes: new NetnsSandboxes(workspace) };
}

function makeBridge(): void {
  run(`ip link add ${bridge} address 02:00:00:00:01:01 type bridge mcast_snooping 0 forward_delay 0`);
  run(`ip address add 10.71.0.1/24 dev ${bridge}`);
  run(`ip address add fd71::1/64 dev ${bridge} nodad`);
  run(`ip link set ${bridge} up`);
}

/** The host end of a number is `lab-NUMBER`, its address 10.71.0.(NUMBER + 1). */
export function attachment(number: number, changes: Partial<Attachment> = {}): Attachment {
  const hex = (number + 1).toString(16);
  return {
    link: { kind: 'veth', hostIfname: `lab-${number}`, bridge, isolated: false, hairpin: false },
    ifname: 'eth0',
    mac: parseMac(`02:00:00:00:02:${hex.padStart(2, '0')}`, 'test'),
    mtuBytes: 1400,
    addresses: [
      parseInterfaceAddress(`10.71.0.${number + 1}/24`, 'test'),
      parseInterfaceAddress(`fd71::${hex}/64`, 'test'),
    ],
    routes: [],
    gateways,
    ...changes,
  };
}

export async function refused(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(NetError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
}

/** What a command prints with `-json`, in this process's network namespace or in another. */
export function json(command: string, namespacePath?: string): readonly Record<string, unknown>[] {
  return JSON.parse(run(command, namespacePath)) as Record<string, unknown>[];
}
