// containerd in a throw-away host, asked by `ctr` and by its CRI, with one busybox image and no other.
import type { CommandResult, HostProcess } from '../host-process.ts';
import type { TestHost } from '../test-host.ts';
import { waitUntil } from '../wait-until.ts';
import { busyboxImage, writeBusyboxImage } from './busybox-image.ts';
import { configurationFolder, pluginFolder } from './cni-plugins.ts';
import type { ControlGroups } from './control-groups.ts';
import { CriClient } from './cri-client.ts';

const socket = '/run/containerd/containerd.sock';
const timeoutMs = 60_000;
const criNamespace = 'k8s.io';

const configuration = `
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${busyboxImage}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${pluginFolder}"
  conf_dir = "${configurationFolder}"
  max_conf_num = 1
`;

export class Containerd {
  readonly cri: CriClient;
  readonly process: HostProcess;
  readonly #host: TestHost;

  private constructor(host: TestHost, process: HostProcess) {
    this.cri = new CriClient(`/proc/${host.pid}/root${socket}`);
    this.process = process;
    this.#host = host;
  }

  /** The network must be installed before. */
  static async start(host: TestHost, groups: ControlGroups): Promise<Containerd> {
    // Overlays cannot lie on the overlay that a host's /var/lib is. Where /run is not shared, as systemd makes it, containerd
    // cannot remove a namespace it mounted in /run/netns before that became a mount of its own.
    const prepare = `mount --make-shared /run
      mkdir -p /var/lib/containerd /run/containerd
      mount -t tmpfs tmpfs /var/lib/containerd
      cat >/run/containerd/config.toml`;
    await host.shell(prepare, { input: configuration });
    const process = host.spawn(groups.command('containerd', '--config', '/run/containerd/config.toml'));
    const containerd = new Containerd(host, process);
    await process.line(/containerd successfully booted/, timeoutMs);
    const image = writeBusyboxImage(host);
    for (const namespace of ['default', criNamespace]) {
      await containerd.ctr('--namespace', namespace, 'image', 'import', image);
    }
    await waitUntil('the network is ready', () => containerd.cri.networkIsReady(), { timeoutMs });
    return containerd;
  }

  /** `ctr` with these arguments; must succeed. */
  ctr(...args: readonly string[]): Promise<string> {
    return this.#host.run(['ctr', '--address', socket, ...args]);
  }

  /** `ctr` with these arguments, whatever its status. */
  tryCtr(...args: readonly string[]): Promise<CommandResult> {
    return this.#host.attempt(['ctr', '--address', socket, ...args]);
  }
}
