// Docker in a throw-away host: Debian's dockerd beside a containerd, as its packages start them, with one busybox image.
import type { CommandResult, HostProcess } from '../host-process.ts';
import type { TestHost } from '../test-host.ts';
import { ask, busyboxImage, serve, writeBusyboxImage } from './busybox-image.ts';
import type { ControlGroups } from './control-groups.ts';

// Found by its path: machines may have other clients as well, and this one speaks this daemon's version.
const client = '/usr/bin/docker';
const timeoutMs = 60_000;
// An empty one: nobody's contexts, credentials and plugins.
export const clientEnvironment = { DOCKER_CONFIG: '/run/docker-client' };
const containerdSocket = '/run/containerd/containerd.sock';

export class Dockerd {
  readonly #host: TestHost;
  readonly #groups: ControlGroups;
  readonly #flags: readonly string[];
  #process: HostProcess | undefined;

  private constructor(host: TestHost, groups: ControlGroups, flags: readonly string[]) {
    this.#host = host;
    this.#groups = groups;
    this.#flags = flags;
  }

  /** `flags` are more of dockerd's, now and whenever it is started again. */
  static async start(host: TestHost, groups: ControlGroups, flags: readonly string[] = []): Promise<Dockerd> {
    // Overlays cannot lie on the overlay that a host's /var/lib is. Where /run is not shared, as systemd makes it, namespaces
    // that are mounted there cannot be removed while other mount namespaces have them.
    await host.shell(`mount --make-shared /run
      for folder in docker containerd; do
        mkdir -p /var/lib/$folder
        mount -t tmpfs tmpfs /var/lib/$folder
      done`);
    const containerd = host.spawn(groups.command('containerd', '--address', containerdSocket));
    await containerd.line(/containerd successfully booted/, timeoutMs);
    const dockerd = new Dockerd(host, groups, flags);
    await dockerd.start();
    await dockerd.run('load', '--quiet', '--input', writeBusyboxImage(host));
    return dockerd;
  }

  /** Starts it again; resolves when it answers. */
  async start(): Promise<void> {
    const fixed = ['--storage-driver', 'overlay2', '--containerd', containerdSocket];
    this.#process = this.#host.spawn(this.#groups.command('dockerd', ...fixed, ...this.#flags));
    await this.#process.line(/API listen on/, timeoutMs);
  }

  /** SIGTERM: its containers are stopped, unless they are to live on. */
  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM');
  }

  async kill9(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** What it has said since it was started last. */
  get log(): string {
    return `${this.#process?.stderr}${this.#process?.stdout}`;
  }

  /** `docker` with these arguments; must succeed. */
  run(...args: readonly string[]): Promise<string> {
    return this.#host.run([client, ...args], { env: clientEnvironment });
  }

  /** `docker` with these arguments, whatever its status. */
  attempt(...args: readonly string[]): Promise<CommandResult> {
    return this.#host.attempt([client, ...args], { env: clientEnvironment });
  }

  /** Runs a container that serves its own name; `flags` are those of `docker run`. */
  async serve(name: string, ...flags: readonly string[]): Promise<string> {
    return await this.run('run', '--detach', '--name', name, ...flags, busyboxImage, ...serve(name));
  }

  /** A container's way of asking. Busybox's wget(1) has a limit of time as well, but dies of it. */
  from(container: string) {
    return (where: string): Promise<CommandResult> =>
      this.attempt('exec', container, 'busybox', 'timeout', '2', ...ask(where));
  }

  /** The address of a container's endpoint on a network, as Docker has it. */
  addressOf(container: string, network: string, family: 4 | 6 = 4): Promise<string> {
    const field = family === 4 ? 'IPAddress' : 'GlobalIPv6Address';
    return this.inspect(`(index .NetworkSettings.Networks "${network}").${field}`, container);
  }

  /** Output of one word a line. */
  async words(...args: readonly string[]): Promise<readonly string[]> {
    const text = await this.run(...args);
    return text.split('\n').filter(Boolean);
  }

  /** `docker inspect` of one thing, by a template. */
  async inspect<T>(template: string, ...what: readonly string[]): Promise<T> {
    return JSON.parse(await this.run('inspect', '--format', `{{json ${template}}}`, ...what)) as T;
  }
}
