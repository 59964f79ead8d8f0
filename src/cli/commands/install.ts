// net install, net uninstall: what other programs need in order to find Fairlead.
import { fileURLToPath } from 'node:url';
import { type Options, UsageError } from '../../base/command-line.ts';
import { NetError } from '../../base/errors.ts';
import { type CniPlaces, cniFiles, preferredConfiguration } from '../cni-files.ts';
import { dockerFiles } from '../docker-files.ts';
import { type InstalledFile, installFiles, uninstallFiles } from '../installed-files.ts';
import { defaultSocket, defineVerb, type Verb } from '../verb.ts';

/** The plugin of the installation that this command belongs to. */
export const builtPlugin = fileURLToPath(new URL('../../../bin/fairlead-cni', import.meta.url));

const options = {
  cni: { kind: 'flag', help: 'CNI plugin and network configuration, for containerd, CRI-O, podman' },
  docker: { kind: 'flag', help: 'where dockerd finds the plugin, also while netd is away' },
  systemd: { kind: 'flag', help: 'units; not available in this version' },
  'conf-dir': { kind: 'value', value: 'DIR', help: 'CNI configurations (default: /etc/cni/net.d)' },
  'bin-dir': { kind: 'value', value: 'DIR', help: 'CNI plugins (default: /opt/cni/bin)' },
  'docker-plugin-dir': { kind: 'value', value: 'DIR', help: "netd's (default: /run/docker/plugins)" },
} as const satisfies Options;

/** `plugin` is the executable to install. */
export function install(plugin: string): Verb {
  return defineVerb(
    {
      name: 'net install',
      summary: 'Put in place what other programs need to find Fairlead, and print the paths written.',
      operands: [],
      options: { ...options, force: { kind: 'flag', help: 'replace files that are not ours' } },
    },
    async (line, { socket, write, warn }) => {
      const { cni, files } = chosen(line.options, { plugin, socket, mustBeBuilt: true });
      const written = installFiles(files, { force: line.options.force ?? false });
      await write(written.map((path) => `${path}\n`).join(''));
      const preferred = cni && preferredConfiguration(cni.confDir);
      if (preferred !== undefined) {
        warn(`${preferred} sorts before ours: containerd and CRI-O use that network in its place`);
      }
    },
  );
}

/** `plugin` is the executable that was installed. */
export function uninstall(plugin: string): Verb {
  return defineVerb(
    {
      name: 'net uninstall',
      summary: 'Remove what net install put in place, and print the paths removed.',
      operands: [],
      options: { ...options, force: { kind: 'flag', help: 'also files that were changed since' } },
    },
    async (line, { socket, write }) => {
      const { files } = chosen(line.options, { plugin, socket, mustBeBuilt: false });
      const removed = uninstallFiles(files, { force: line.options.force ?? false });
      await write(removed.map((path) => `${path}\n`).join(''));
    },
  );
}

interface Chosen {
  /** Where CNI's are, if they are among them. */
  readonly cni: CniPlaces | undefined;
  readonly files: readonly InstalledFile[];
}

type Flags = { readonly [flag in 'cni' | 'docker' | 'systemd']: boolean | undefined } & {
  readonly [flag in 'conf-dir' | 'bin-dir' | 'docker-plugin-dir']: string | undefined;
};

/** Errors: `UsageError` when nothing is chosen, `not_implemented`, those of `cniFiles`. */
function chosen(
  flags: Flags,
  {
    plugin,
    socket,
    mustBeBuilt,
  }: { readonly plugin: string; readonly socket: string; readonly mustBeBuilt: boolean },
): Chosen {
  if (flags.systemd) throw new NetError('not_implemented', '--systemd is not available in this version');
  if (!flags.cni && !flags.docker) throw new UsageError('say what: --cni, --docker');
  const cni = flags.cni ? cniPlaces(flags, plugin, socket) : undefined;
  const pluginDir = directory('docker-plugin-dir', flags['docker-plugin-dir'] ?? '/run/docker/plugins');
  return {
    cni,
    files: [
      ...(cni === undefined ? [] : cniFiles(cni, { mustBeBuilt })),
      ...(flags.docker ? dockerFiles(pluginDir) : []),
    ],
  };
}

function cniPlaces(flags: Flags, executable: string, socket: string): CniPlaces {
  return {
    confDir: directory('conf-dir', flags['conf-dir'] ?? '/etc/cni/net.d'),
    binDir: directory('bin-dir', flags['bin-dir'] ?? '/opt/cni/bin'),
    executable,
    socket: socket === defaultSocket ? undefined : socket,
  };
}

/** An empty word would mean the present directory, and comes from a variable that is not set. */
function directory(flag: string, path: string): string {
  if (path === '') throw new UsageError(`--${flag} needs a value`);
  return path;
}
