// What a container engine has in a container's namespace: a resolver at free ports of 127.0.0.11, and rules that lead port 53 there.
import type { AddressInfo } from 'node:net';
import { run, succeeds } from '../../support/own-network.ts';
import { type Behaviour, FakeUpstream } from '../../unit/dns/fake-upstream.ts';
import { openNodeSockets } from './own-sockets.ts';

/** What engines make the rules with. */
export const ruleMakers = ['iptables-nft', 'iptables-legacy', 'nft'] as const;
export type RuleMaker = (typeof ruleMakers)[number];

export class EngineResolver implements AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly #path: string;
  readonly #ports: { readonly udp: number; readonly tcp: number };

  #ended = false;

  private constructor(upstream: FakeUpstream, path: string, ports: { udp: number; tcp: number }) {
    this.upstream = upstream;
    this.#path = path;
    this.#ports = ports;
  }

  static async start(path: string, behaviour: Behaviour): Promise<EngineResolver> {
    const sockets = await openNodeSockets(path);
    const ports = { udp: sockets.udp.address().port, tcp: (sockets.tcp.address() as AddressInfo).port };
    return new EngineResolver(FakeUpstream.on(behaviour, sockets), path, ports);
  }

  addRules(maker: RuleMaker): void {
    if (maker === 'nft') this.#addNftRules();
    else this.#addIptablesRules(maker);
  }

  /** It ends; its rules stay, as those of a dead engine do. May be repeated. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.upstream[Symbol.asyncDispose]();
    this.#ended = true;
  }

  #addIptablesRules(maker: string): void {
    const add = (rule: string) => run(`${maker} -w -t nat ${rule}`, this.#path);
    for (const [chain, own] of [
      ['OUTPUT', 'DOCKER_OUTPUT'],
      ['POSTROUTING', 'DOCKER_POSTROUTING'],
    ]) {
      add(`-N ${own}`);
      add(`-I ${chain} -d 127.0.0.11 -j ${own}`);
    }
    for (const protocol of ['udp', 'tcp'] as const) {
      const port = this.#ports[protocol];
      const lead = `-j DNAT --to-destination 127.0.0.11:${port}`;
      add(`-A DOCKER_OUTPUT -d 127.0.0.11 -p ${protocol} --dport 53 ${lead}`);
      add(`-A DOCKER_POSTROUTING -s 127.0.0.11 -p ${protocol} --sport ${port} -j SNAT --to-source :53`);
    }
  }

  #addNftRules(): void {
    const { udp, tcp } = this.#ports;
    const add = (what: string) => run(`nft add ${what}`, this.#path);
    add('table ip docker-dns');
    add('chain ip docker-dns output { type nat hook output priority -100 ; }');
    add('chain ip docker-dns postrouting { type nat hook postrouting priority 100 ; }');
    for (const [protocol, port] of [
      ['udp', udp],
      ['tcp', tcp],
    ]) {
      add(`rule ip docker-dns output ip daddr 127.0.0.11 ${protocol} dport 53 dnat to 127.0.0.11:${port}`);
      add(`rule ip docker-dns postrouting ip saddr 127.0.0.11 ${protocol} sport ${port} snat to :53`);
    }
  }
}

/** Whether programs and kernel can do it here. */
export function canMakeRules(maker: RuleMaker): boolean {
  const list = maker === 'nft' ? 'nft list ruleset' : `${maker} -w -t nat -L -n`;
  return succeeds(`unshare --net ${list}`);
}
