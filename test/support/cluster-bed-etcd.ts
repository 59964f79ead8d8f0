// A member of etcd in a throw-away host of its own.
import type { HostProcess } from './host-process.ts';
import type { TestHost } from './test-host.ts';
import { waitUntil } from './wait-until.ts';

export interface EtcdPlace {
  readonly name: string;
  readonly host: TestHost;
  /** As it stands in a URL. */
  readonly address: string;
}

export class EtcdMember {
  readonly name: string;
  readonly host: TestHost;
  /** Where clients reach it. */
  readonly url: string;
  readonly #command: readonly string[];
  #process: HostProcess | undefined;

  /** @param members all of the cluster, this one among them. */
  constructor(place: EtcdPlace, members: readonly EtcdPlace[]) {
    this.name = place.name;
    this.host = place.host;
    this.url = `http://${place.address}:2379`;
    const peerUrl = (member: EtcdPlace) => `http://${member.address}:2380`;
    this.#command = [
      'etcd',
      ...[
        '--name',
        place.name,
        '--data-dir',
        '/var/lib/etcd-member',
        '--logger',
        'zap',
        '--log-level',
        'error',
      ],
      ...['--listen-client-urls', this.url, '--advertise-client-urls', this.url],
      ...['--listen-peer-urls', peerUrl(place), '--initial-advertise-peer-urls', peerUrl(place)],
      '--initial-cluster',
      members.map((member) => `${member.name}=${peerUrl(member)}`).join(','),
    ];
  }

  /** Starts it, anew or with the data it had. Others of its cluster may have to start before it is `healthy`. */
  start(): void {
    this.#process = this.host.spawn(this.#command);
  }

  /** Resolves when it answers, which needs most members. */
  async healthy(): Promise<void> {
    await waitUntil(
      `etcd ${this.name} is healthy`,
      async () => {
        if (this.#running.hasEnded) throw new Error(`it ended: ${this.#running.stderr}`);
        await this.host.run(['etcdctl', '--endpoints', this.url, 'endpoint', 'health']);
        return true;
      },
      { timeoutMs: 20_000, intervalMs: 100 },
    );
  }

  /** Also one that is paused, and it is fine when it does not run. */
  async kill9(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** As a machine that hangs: connections to it stay, and nothing is answered. */
  async pause(): Promise<void> {
    process.kill(await this.#running.pid(), 'SIGSTOP');
  }

  async resume(): Promise<void> {
    process.kill(await this.#running.pid(), 'SIGCONT');
  }

  async isLeader(): Promise<boolean> {
    const { leader, header } = await this.#status();
    return leader === header.member_id;
  }

  /** The newest revision it knows of. */
  async revision(): Promise<string> {
    return (await this.#status()).header.revision;
  }

  /** The ids are too large for a number. */
  async #status(): Promise<{ leader: string; header: { member_id: string; revision: string } }> {
    const text = await this.host.run([
      'etcdctl',
      '--endpoints',
      this.url,
      '-w',
      'json',
      'endpoint',
      'status',
    ]);
    const [{ Status }] = JSON.parse(text.replace(/("(?:leader|member_id|revision)"):(\d+)/g, '$1:"$2"'));
    return Status;
  }

  get #running(): HostProcess {
    if (this.#process === undefined) throw new Error(`etcd ${this.name} was not started`);
    return this.#process;
  }
}
