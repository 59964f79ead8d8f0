// net install, net uninstall: what other programs need in order to find Fairlead.
import { fileURLToPath } from 'node:url';
import { type Options, UsageError } from '../../base/command-line.ts';
import { NetError } from '../../base/errors.ts';
import { type CniPlaces, cniFiles, preferredConfiguration } from '../cni-files.ts';
import { installFiles, uninstallFiles } from '../installed-files.ts';
import { defaultSocket, defineVerb, type Verb } from '../verb.ts';

/** The plugin of the installation that this command belongs to. */
export const builtPlugin = fileURLToPath(new URL('../../../bin/fairlead-cni', import.meta.url));

const options = {
  cni: { kind: 'flag', help: 'CNI plugin and network configuration, for containerd, CRI-O, podman' },
  docker: { kind: 'flag', help: 'Docker plugin; not available in this version' },
  systemd: { kind: 'flag', help: 'units; not available in this version' },
  'conf-dir': { kind: 'value', value: 'DIR', help: 'CNI configurations (default: /etc/cni/net.d)' },
  'bin-dir': { kind: 'value', value: 'DIR', help: 'CNI plugins (default: /opt/cni/bin)' },
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
      const places = chosenPlaces(line.options, plugin, socket);
      const written = installFiles(cniFiles(places, { mustBeBuilt: true }), {
        force: line.options.force ?? false,
      });
      await write(written.map((path) => `${path}\n`).join(''));
      const preferred = preferredConfiguration(places.confDir);
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
      const places = chosenPlaces(line.options, plugin, socket);
      const removed = uninstallFiles(cniFiles(places, { mustBeBuilt: false }), {
        force: line.options.force ?? false,
      });
      await write(removed.map((path) => `${path}\n`).join(''));
    },
  );
}

/** Errors: `UsageError` when nothing is chosen, `not_implemented`. */
function chosenPlaces(
  chosen: {
    readonly [flag in 'cni' | 'docker' | 'systemd']: boolean | undefined;
  } & { readonly [flag in 'conf-dir' | 'bin-dir']: string | undefined },
  executable: string,
  socket: string,
): CniPlaces {
  for (const flag of ['docker', 'systemd'] as const) {
    if (chosen[flag]) throw new NetError('not_implemented', `--${flag} is not available in this version`);
  }
  if (!chosen.cni) throw new UsageError('say what: --cni');
  return {
    confDir: directory('conf-dir', chosen['conf-dir'] ?? '/etc/cni/net.d'),
    binDir: directory('bin-dir', chosen['bin-dir'] ?? '/opt/cni/bin'),
    executable,
    socket: socket === defaultSocket ? undefined : socket,
  };
}

/** An empty word would mean the present directory, and comes from a variable that is not set. */
function directory(flag: string, path: string): string {
  if (path === '') throw new UsageError(`--${flag} needs a value`);
  return path;
}
