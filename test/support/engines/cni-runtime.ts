// A container runtime reduced to its calls of the CNI plugin: the executable with its environment and input, nothing between.
import type { TestHost } from '../test-host.ts';
import { type NetworkConfiguration, pluginFolder } from './cni-plugins.ts';

export interface CniAnswer {
  readonly status: number;
  /** Undefined when nothing was printed. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect, and fail when it is not there.
  readonly body: any;
  readonly stderr: string;
}

/** Calls one plugin for the containers `NAME`, whose namespaces are `/run/netns/NAME`. */
export class CniRuntime {
  readonly #host: TestHost;
  readonly #configuration: object;
  readonly #type: string;

  /** The configuration must be installed; its first plugin is called. */
  constructor(host: TestHost, { name, conflist }: NetworkConfiguration) {
    const { cniVersion, plugins } = conflist as { cniVersion: string; plugins: readonly { type: string }[] };
    const [first = { type: '' }] = plugins;
    this.#host = host;
    this.#type = first.type;
    this.#configuration = { cniVersion, name, ...first };
  }

  /** Makes the containers' namespaces. */
  async makeNamespaces(names: readonly string[]): Promise<void> {
    await this.#host.shell(names.map((name) => `ip netns add ${name}`).join('\n'));
  }

  add(container: string, more: object = {}): Promise<CniAnswer> {
    return this.call('ADD', container, more);
  }

  delete(container: string, more: object = {}): Promise<CniAnswer> {
    return this.call('DEL', container, more);
  }

  /** `more` is added to the configuration, `variables` to the environment. */
  async call(
    command: string,
    container: string,
    more: object = {},
    variables: Readonly<Record<string, string>> = {},
  ): Promise<CniAnswer> {
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_NETNS: `/run/netns/${container}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: pluginFolder,
      ...variables,
    };
    const input = JSON.stringify({ ...this.#configuration, ...more });
    const { status, stdout, stderr } = await this.#host.attempt([`${pluginFolder}/${this.#type}`], {
      env,
      input,
    });
    return { status, body: stdout.trim() === '' ? undefined : JSON.parse(stdout), stderr };
  }
}
