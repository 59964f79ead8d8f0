// podman in a throw-away host, with networks by CNI plugins and one busybox image.
import type { CommandResult } from '../host-process.ts';
import type { TestHost } from '../test-host.ts';
import { writeBusyboxImage } from './busybox-image.ts';
import { configurationFolder, pluginFolder } from './cni-plugins.ts';
import type { ControlGroups } from './control-groups.ts';

const configuration = `
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[network]
network_backend = "cni"
cni_plugin_dirs = ["${pluginFolder}"]
network_config_dir = "${configurationFolder}"
`;

const env = {
  CONTAINERS_CONF: '/run/podman-containers.conf',
  // Where images are unpacked on their way.
  TMPDIR: '/run',
};

export class Podman {
  readonly #host: TestHost;
  readonly #groups: ControlGroups;

  private constructor(host: TestHost, groups: ControlGroups) {
    this.#host = host;
    this.#groups = groups;
  }

  static async start(host: TestHost, groups: ControlGroups): Promise<Podman> {
    // Overlays cannot lie on the overlay that a host's /var/lib is.
    const prepare = `mkdir -p /var/lib/containers ${pluginFolder} ${configurationFolder}
      mount -t tmpfs tmpfs /var/lib/containers
      cat >${env.CONTAINERS_CONF}`;
    await host.shell(prepare, { input: configuration });
    const podman = new Podman(host, groups);
    await podman.run('load', '--quiet', '--input', writeBusyboxImage(host));
    return podman;
  }

  /** `podman` with these arguments; must succeed. */
  run(...args: readonly string[]): Promise<string> {
    return this.within('podman', ...args);
  }

  /** `podman` with these arguments, whatever its status. */
  attempt(...args: readonly string[]): Promise<CommandResult> {
    return this.attemptWithin('podman', ...args);
  }

  /** A command that calls podman, whatever its status. */
  attemptWithin(...command: readonly string[]): Promise<CommandResult> {
    return this.#host.attempt(this.#groups.command(...command), { env });
  }

  /** A command that calls podman; must succeed. */
  within(...command: readonly string[]): Promise<string> {
    return this.#host.run(this.#groups.command(...command), { env });
  }
}
