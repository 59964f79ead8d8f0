// Which versions of the Docker Engine API are spoken, and which one a request asks for.
import type { FastifyRequest } from 'fastify';
import { NetError } from '../../base/errors.ts';

export const newestApi = '1.51';
export const oldestApi = '1.24';

/** A path that names a version, and the one it stands for; Fairlead's own paths have no versions of Docker's. */
const versioned = /^\/v(\d+\.\d+)(?!\/fairlead\/)(\/.*)$/s;

/** The address by which the route of a request is found: one route answers all versions. */
export function withoutVersion({ url = '' }: { readonly url?: string | undefined }): string {
  return versioned.exec(url)?.[2] ?? url;
}

/** Errors: `invalid_parameter` for a version that is too old or too new. */
export async function checkVersion(request: FastifyRequest): Promise<void> {
  const version = versionOf(request);
  if (compare(version, oldestApi) < 0) {
    throw new NetError(
      'invalid_parameter',
      `client version ${version} is too old. Minimum supported API version is ${oldestApi}`,
    );
  }
  if (compare(version, newestApi) > 0) {
    throw new NetError(
      'invalid_parameter',
      `client version ${version} is too new. Maximum supported API version is ${newestApi}`,
    );
  }
}

/** Whether the request is answered in this version or a newer one; without a prefix the newest counts. */
export function speaks(request: FastifyRequest, version: string): boolean {
  return compare(versionOf(request), version) >= 0;
}

function versionOf({ originalUrl }: FastifyRequest): string {
  return versioned.exec(originalUrl)?.[1] ?? newestApi;
}

function compare(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}
