// What container runtimes find of us: the plugin, `loopback` beside it, and a network configuration.
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { NetError } from '../base/errors.ts';
import type { InstalledFile } from './installed-files.ts';

export interface CniPlaces {
  readonly confDir: string;
  readonly binDir: string;
  /** The built plugin. */
  readonly executable: string;
  /** Of netd, where it is not the default one. */
  readonly socket: string | undefined;
}

const conflistName = '10-fairlead.conflist';

/** libcni takes files with these endings for configurations (`ConfFiles` in libcni/conf.go). */
const configurationEndings = ['.conf', '.conflist', '.json'];

const elfMagic = Buffer.from('\x7fELF', 'latin1');
/** What the plugin says of itself when it is started by hand (native/cni/main.cc). */
const marker = Buffer.from("Fairlead's CNI plugin");

/**
 * The executables first: the configuration makes runtimes use them. Errors: `not_found` where `mustBeBuilt` and the plugin
 * is not.
 */
export function cniFiles(
  places: CniPlaces,
  options: { readonly mustBeBuilt: boolean },
): readonly InstalledFile[] {
  const plugin = readPlugin(places.executable, options);
  const executable = { content: plugin, mode: 0o755, mayReplace: isPlugin, mayRemove: isPlugin };
  return [
    { ...executable, path: join(places.binDir, 'fairlead-cni') },
    // containerd starts a plugin of that name in every sandbox, whatever the configuration says.
    { ...executable, path: join(places.binDir, 'loopback'), optional: true },
    {
      path: join(places.confDir, conflistName),
      content: Buffer.from(conflistText(places.socket)),
      mode: 0o644,
      mayReplace: () => false,
      mayRemove: isConflist,
    },
  ];
}

/** The configuration that runtimes which use only one (containerd, CRI-O) prefer to ours. */
export function preferredConfiguration(confDir: string): string | undefined {
  const names = readdirSync(confDir, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && configurationEndings.includes(extname(entry.name)))
    .map(({ name }) => name);
  const first = names.sort()[0];
  return first === undefined || first >= conflistName ? undefined : join(confDir, first);
}

/**
 * Addresses come from netd's default pools. Runtimes of containerd 1.7 and before take no configuration of version 1.1.0;
 * those that know `cniVersions` choose the newest they know.
 */
export function conflistText(socket: string | undefined): string {
  const capabilities = ['portMappings', 'bandwidth', 'ips', 'mac', 'ipRanges', 'dns', 'aliases'];
  const plugin = {
    type: 'fairlead-cni',
    ...(socket !== undefined && { socket }),
    bridge: 'fairlead0',
    isGateway: true,
    isDefaultGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: { type: 'fairlead' },
    capabilities: Object.fromEntries(capabilities.map((name) => [name, true])),
  };
  const list = {
    cniVersion: '1.0.0',
    cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
    name: 'fairlead',
    plugins: [plugin],
  };
  return `${JSON.stringify(list, undefined, 2)}\n`;
}

function readPlugin(path: string, { mustBeBuilt }: { readonly mustBeBuilt: boolean }): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (!mustBeBuilt) return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new NetError('not_found', `the plugin is not built (npm run build makes it): ${reason}`, {
      cause: error,
    });
  }
}

/** Whether it is the plugin, of whatever version. */
function isPlugin(content: Buffer): boolean {
  return content.subarray(0, elfMagic.length).equals(elfMagic) && content.includes(marker);
}

/** Whether it is as we write it, for whatever socket. */
function isConflist(content: Buffer): boolean {
  const text = content.toString();
  try {
    const { plugins } = JSON.parse(text) as { readonly plugins: readonly { readonly socket?: string }[] };
    return text === conflistText(plugins[0]?.socket);
  } catch {
    return false;
  }
}
