// Fairlead's overlay over two hosts with etcd beside them.
import { askApi } from '../../test/support/api-client.ts';
import { ClusterBed } from '../../test/support/cluster-bed.ts';
import type { Netd } from '../../test/support/test-host.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { must } from '../support/ask.ts';
import { type Overlay, port } from './overlay.ts';

/** Hosts h1, h2, … with a netd each and the network lab; on each a sandbox on it, named as its host. */
export interface Lab extends AsyncDisposable {
  readonly bed: ClusterBed;
  readonly netds: ReadonlyMap<string, Netd>;
}

export async function startLab({ hosts = 2, subnet = '10.128.0.0/24' } = {}): Promise<Lab> {
  const bed = await ClusterBed.start({ hosts });
  try {
    const netds = await bed.netds();
    await must(bed.host('h1'), 'POST', '/networks', { name: 'lab', driver: 'overlay', pools: [{ subnet }] });
    for (const name of bed.names) {
      await waitUntil(`${name} knows the network`, async () => {
        return (await askApi(bed.host(name), 'GET', '/networks/lab')).status === 200;
      });
      await bed.host(name).net('run', '-d', '--name', name, '--network', 'lab', '--', 'sleep', 'infinity');
    }
    return { bed, netds, [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose]() };
  } catch (error) {
    await bed[Symbol.asyncDispose]();
    throw error;
  }
}

/** `folder` has the programs to measure with. */
export async function startFairlead(folder: string): Promise<Overlay> {
  const { bed } = await startLab();
  const [first, second] = [bed.host('h1'), bed.host('h2')];
  await first.net('run', '-d', '--name', 'target', '--', `${folder}/overlay`, 'serve', port);
  return {
    probe: (command) => second.spawnNet('exec', second.name, '--', ...command),
    connect: {
      request: (alias) =>
        must(first, 'POST', '/networks/lab/connect', { target: 'target', aliases: [alias] }),
      command: (alias) => first.net('connect', '--alias', alias, 'lab', 'target'),
    },
    disconnect: () => must(first, 'POST', '/networks/lab/disconnect', { target: 'target' }),
    [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
  };
}
