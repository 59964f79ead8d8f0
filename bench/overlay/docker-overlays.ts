// Docker's overlays on two hosts: the one whose hosts share an etcd, which dockerd 20.10 has still, and that of swarm.
import { busyboxImage } from '../../test/support/engines/busybox-image.ts';
import { ControlGroups } from '../../test/support/engines/control-groups.ts';
import { Dockerd } from '../../test/support/engines/dockerd.ts';
import { startEmptyNameServer } from '../../test/support/engines/empty-name-server.ts';
import type { TestHost } from '../../test/support/test-host.ts';
import { Topology } from '../../test/support/topology.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { DockerApi } from '../support/docker-api.ts';
import { etcdCommand, etcdServes } from '../support/etcd.ts';
import { type Overlay, port } from './overlay.ts';

interface Node {
  readonly host: TestHost;
  readonly address: string;
  readonly docker: Dockerd;
}

type Nodes = readonly [Node, Node];

/** `folder` has the programs to measure with. */
export function startClusterStore(folder: string): Promise<Overlay> {
  return start(folder, {
    async flags(topology) {
      // Of etcd's two programming interfaces it knows the first.
      const address = topology.address('store');
      await topology
        .host('store')
        .spawn(etcdCommand(address, ['--enable-v2']))
        .line(etcdServes);
      const store = `--cluster-store=etcd://${address}:2379`;
      return (name) => [store, `--cluster-advertise=${topology.address(name)}:2376`];
    },
    join: async () => undefined,
  });
}

export function startSwarm(folder: string): Promise<Overlay> {
  return start(folder, {
    flags: async () => () => [],
    async join([first, second]) {
      const at = ({ address }: Node) => ['--advertise-addr', address, '--listen-addr', `${address}:2377`];
      await first.docker.run('swarm', 'init', ...at(first));
      const token = await first.docker.run('swarm', 'join-token', '--quiet', 'worker');
      await second.docker.run('swarm', 'join', '--token', token, ...at(second), `${first.address}:2377`);
    },
  });
}

interface Kind {
  /** More flags of dockerd, by the host's name. */
  flags(topology: Topology): Promise<(name: string) => readonly string[]>;
  /** What makes one cluster of both. */
  join(nodes: Nodes): Promise<void>;
}

async function start(folder: string, kind: Kind): Promise<Overlay> {
  const topology = await Topology.start('h1', 'h2', 'store');
  const groups: ControlGroups[] = [];
  const dispose = async () => {
    await topology[Symbol.asyncDispose]();
    for (const group of groups) await group[Symbol.asyncDispose]();
  };
  try {
    await startEmptyNameServer(topology.host('store'));
    const flags = await kind.flags(topology);
    const startNode = async (hostName: string): Promise<Node> => {
      const host = topology.host(hostName);
      const group = await ControlGroups.start(host);
      groups.push(group);
      const all = ['--dns', topology.address('store'), ...flags(hostName)];
      return { host, address: topology.address(hostName), docker: await Dockerd.start(host, group, all) };
    };
    const nodes: Nodes = [await startNode('h1'), await startNode('h2')];
    await kind.join(nodes);
    const asker = await populate(nodes, folder);
    return { ...overlayOf(nodes, asker), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A network, a container of each host on it, and one beside it; the pid of the second host's in that host. */
async function populate([first, second]: Nodes, folder: string): Promise<number> {
  await first.docker.run('network', 'create', '--driver', 'overlay', '--attachable', 'lab');
  for (const { host, docker } of [first, second]) {
    const run = ['run', '--detach', '--name', host.name, '--network', 'lab', busyboxImage];
    // The other host may not have heard of the network yet.
    await waitUntil(`${host.name} has a container on the network`, async () => {
      await docker.attempt('rm', '--force', host.name);
      return docker.run(...run);
    });
  }
  const programs = ['--volume', `${folder}:/bench:ro`];
  const serve = ['/bench/overlay', 'serve', port];
  await first.docker.run('run', '--detach', '--name', 'target', ...programs, busyboxImage, ...serve);
  return await second.docker.inspect<number>('.State.Pid', second.host.name);
}

function overlayOf([first, second]: Nodes, asker: number): Omit<Overlay, typeof Symbol.asyncDispose> {
  const api = new DockerApi(first.host);
  return {
    probe: (command) => second.host.spawn(['nsenter', '--net', '--target', String(asker), '--', ...command]),
    connect: {
      request: (alias) =>
        api.must('POST', '/networks/lab/connect', {
          Container: 'target',
          EndpointConfig: { Aliases: [alias] },
        }),
      command: (alias) => first.docker.run('network', 'connect', '--alias', alias, 'lab', 'target'),
    },
    disconnect: () => api.must('POST', '/networks/lab/disconnect', { Container: 'target' }),
  };
}
