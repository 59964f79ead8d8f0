// The versions of the CNI specification there are, and what each of them brought.
import { CniError, cniCode } from './errors.ts';

export const cniVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof cniVersions)[number];

export const newestVersion: CniVersion = '1.1.0';

/** A configuration from before there was `cniVersion` is of the first version. Errors: 1 for one there is not. */
export function parseVersion(text: string | undefined, what: string): CniVersion {
  if (text === undefined || text === '') return '0.1.0';
  const version = cniVersions.find((known) => known === text);
  if (version !== undefined) return version;
  throw new CniError(cniCode.incompatibleVersion, `incompatible CNI version: ${what} is of ${text}`, {
    details: `supported are ${cniVersions.join(', ')}`,
  });
}

export function isAtLeast(version: CniVersion, least: CniVersion): boolean {
  return cniVersions.indexOf(version) >= cniVersions.indexOf(least);
}

/** The answer to VERSION. */
export function versionDocument(): string {
  return JSON.stringify({ cniVersion: newestVersion, supportedVersions: cniVersions });
}
