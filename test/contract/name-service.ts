// What every name service does, whatever answers behind it. `serve` gives one whose resolvers can be asked from here.
import { expect, test } from 'vitest';
import type { IpAddress } from '../../src/base/cidr.ts';
import type { NameService } from '../../src/dns/name-service.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../src/model/ids.ts';
import type { NameEntry, ResolverView } from '../../src/model/name-entry.ts';

export interface ServedNames extends AsyncDisposable {
  readonly names: NameService;
  /** A path `open` takes for a namespace. */
  namespace(label: string): Promise<string>;
  /** The addresses a name has for an asker in that namespace, or why there are none: `refused`, `unreachable`… */
  ask(namespacePath: string, name: string): Promise<readonly string[] | string>;
}

const lab = 'lab' as NetworkId;
const back = 'back' as NetworkId;
const asker = 'asker' as SandboxId;

const entry = (sandbox: string, network: NetworkId, address: string): NameEntry => ({
  endpointId: `${sandbox}@${network}` as EndpointId,
  networkId: network,
  networkName: network,
  sandboxId: sandbox as SandboxId,
  names: [sandbox],
  addresses: [address as IpAddress],
  services: [],
});

const view = (networks: readonly NetworkId[], sandboxId = asker): ResolverView => {
  return { sandboxId, networks, links: [], forwarding: 'none' };
};

export function nameServiceContract(serve: () => Promise<ServedNames>): void {
  test('a name put is in the next answer, replaced it is another, and removed it is gone', async () => {
    await using served = await serve();
    const { names } = served;
    const path = await served.namespace('one');
    names.setView(view([lab]));
    await names.open(asker, path);
    expect(await served.ask(path, 'web')).toBe('NXDOMAIN');
    names.put(entry('web', lab, '10.0.0.2'));
    expect(await served.ask(path, 'web')).toEqual(['10.0.0.2']);
    names.put(entry('web', lab, '10.0.0.3'));
    expect(await served.ask(path, 'web')).toEqual(['10.0.0.3']);
    names.remove(entry('web', lab, '').endpointId);
    expect(await served.ask(path, 'web')).toBe('NXDOMAIN');
  });

  test('a view set counts from the next answer on', async () => {
    await using served = await serve();
    const { names } = served;
    const path = await served.namespace('one');
    names.put(entry('db', back, '10.0.1.2'));
    names.setView(view([lab]));
    await names.open(asker, path);
    expect(await served.ask(path, 'db')).toBe('NXDOMAIN');
    names.setView(view([lab, back]));
    expect(await served.ask(path, 'db')).toEqual(['10.0.1.2']);
  });

  test('each sandbox has its own view', async () => {
    await using served = await serve();
    const { names } = served;
    const [one, two] = [await served.namespace('one'), await served.namespace('two')];
    names.put(entry('web', lab, '10.0.0.2'));
    names.put(entry('web', back, '10.0.1.2'));
    const other = 'other' as SandboxId;
    names.setView(view([lab]));
    names.setView(view([back], other));
    await Promise.all([names.open(asker, one), names.open(other, two)]);
    expect(await served.ask(one, 'web')).toEqual(['10.0.0.2']);
    expect(await served.ask(two, 'web')).toEqual(['10.0.1.2']);
  });

  test('opening twice is opening once', async () => {
    await using served = await serve();
    const { names } = served;
    const path = await served.namespace('one');
    names.setView(view([lab]));
    names.put(entry('web', lab, '10.0.0.2'));
    await Promise.all([names.open(asker, path), names.open(asker, path)]);
    await names.open(asker, path);
    expect(await served.ask(path, 'web')).toEqual(['10.0.0.2']);
  });

  test('a closed one does not answer, and can be opened again', async () => {
    await using served = await serve();
    const { names } = served;
    const path = await served.namespace('one');
    names.put(entry('web', lab, '10.0.0.2'));
    names.setView(view([lab]));
    await names.open(asker, path);
    names.close(asker);
    names.close(asker);
    expect(await served.ask(path, 'web')).toBe('unreachable');
    names.setView(view([lab]));
    await names.open(asker, path);
    expect(await served.ask(path, 'web')).toEqual(['10.0.0.2']);
  });

  test('one closed while it opens does not answer', async () => {
    await using served = await serve();
    const path = await served.namespace('one');
    served.names.setView(view([lab]));
    const opening = served.names.open(asker, path);
    served.names.close(asker);
    await opening;
    expect(await served.ask(path, 'web')).toBe('unreachable');
  });

  test('a port that is taken is a conflict, and free again it can be opened', async () => {
    await using served = await serve();
    const { names } = served;
    const path = await served.namespace('one');
    names.setView(view([lab]));
    names.setView(view([lab], 'other' as SandboxId));
    await names.open('other' as SandboxId, path);
    await expect(names.open(asker, path)).rejects.toMatchObject({ code: 'conflict' });
    names.close('other' as SandboxId);
    await names.open(asker, path);
    expect(await served.ask(path, 'web')).toBe('NXDOMAIN');
  });

  test('a namespace that is not there is unavailable', async () => {
    await using served = await serve();
    await expect(served.names.open(asker, '/nowhere')).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('after shutdown nothing answers', async () => {
    await using served = await serve();
    const path = await served.namespace('one');
    served.names.setView(view([lab]));
    await served.names.open(asker, path);
    await served.names.shutdown();
    expect(await served.ask(path, 'web')).toBe('unreachable');
  });
}
