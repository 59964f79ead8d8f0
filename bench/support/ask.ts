// Requests to the daemon of a throw-away host that must succeed.
import { askApi } from '../../test/support/api-client.ts';
import type { TestHost } from '../../test/support/test-host.ts';

export async function must(host: TestHost, method: string, path: string, request?: object): Promise<void> {
  const answer = await askApi(host, method, path, request);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
}
