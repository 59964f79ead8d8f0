// Sockets nobody can listen on, as when the kernel has no watches left: nothing of them stays behind.
import { openSync } from 'node:fs';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { createNameService } from '../../../src/dns/engine.ts';
import type { NameService } from '../../../src/dns/name-service.ts';
import type { OpenedSockets } from '../../../src/dns/sockets/resolver-sockets.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { lab, view } from '../../unit/dns/names.ts';

const asker = 'asker' as SandboxId;

/** What epoll(7) refuses. */
function files(): OpenedSockets['sockets'] {
  return { udp: openSync('/dev/null', 'r'), tcp: openSync('/dev/null', 'r') };
}

test.each<[string, (names: NameService) => Promise<void>]>([
  ['inside a sandbox', (names) => names.open(asker, '/proc/self/ns/net')],
  ['at a gateway', (names) => names.openGateway(lab, '10.0.0.1' as IpAddress)],
])('sockets %s that cannot be listened on are let go of, and what kept them is told', async (_, open) => {
  let released = 0;
  const openSockets = async () => ({ sockets: files(), release: async () => void released++ });
  const log = pino({ level: 'silent' });
  const names = createNameService({
    log,
    resolvConf: '/nowhere',
    openSockets,
    openGatewaySockets: openSockets,
  });
  onTestFinished(() => names.shutdown());
  names.setView(view([lab], { sandboxId: asker, forwarding: 'none' }));
  await expect(open(names)).rejects.toMatchObject({ code: 'unavailable' });
  expect(released).toBe(1);
});
