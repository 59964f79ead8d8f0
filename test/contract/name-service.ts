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
  /** A namespace in which a container engine has a resolver that has 192.0.2.7 for every name. */
  container(label: string): Promise<string>;
  /** A namespace that has an address beside 10.67.0.1, an address of the host. */
  pod(address: string): Promise<string>;
  /** The host itself, for `ask`. */
  readonly host: string;
  /**
   * The addresses a name has for an asker in that namespace, or why there are none: `REFUSED`, `unreachable`…; at the
   * namespace's own resolver, or at another.
   */
  ask(namespacePath: string, name: string, server?: IpAddress): Promise<readonly string[] | string>;
}

const lab = 'lab' as NetworkId;
const back = 'back' as NetworkId;
const asker = 'asker' as SandboxId;
const ofEngine = ['192.0.2.7'];
const gateway = '10.67.0.1' as IpAddress;

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
    await expect(served.names.openBeside(asker, '/nowhere')).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('after shutdown nothing answers', async () => {
    await using served = await serve();
    const path = await served.namespace('one');
    served.names.setView(view([lab]));
    await served.names.open(asker, path);
    await served.names.shutdown();
    expect(await served.ask(path, 'web')).toBe('unreachable');
  });

  test('beside an engine’s resolver what the view shows is ours, from the next answer on, and the rest the engine’s', async () => {
    await using served = await serve();
    const { names } = served;
    const path = await served.container('one');
    names.put(entry('web', lab, '10.0.0.2'));
    names.setView(view([back]));
    await names.openBeside(asker, path);
    expect(await served.ask(path, 'web')).toEqual(ofEngine);
    names.setView(view([lab]));
    expect(await served.ask(path, 'web')).toEqual(['10.0.0.2']);
    expect(await served.ask(path, 'elsewhere')).toEqual(ofEngine);
  });

  test('beside an engine’s resolver a closed one leaves all to the engine, and can be opened again', async () => {
    await using served = await serve();
    const { names } = served;
    const path = await served.container('one');
    names.put(entry('web', lab, '10.0.0.2'));
    names.setView(view([lab]));
    await names.openBeside(asker, path);
    names.close(asker);
    names.close(asker);
    expect(await served.ask(path, 'web')).toEqual(ofEngine);
    names.setView(view([lab]));
    await Promise.all([names.openBeside(asker, path), names.openBeside(asker, path)]);
    expect(await served.ask(path, 'web')).toEqual(['10.0.0.2']);
    await names.shutdown();
    expect(await served.ask(path, 'web')).toEqual(ofEngine);
  });

  test('beside an engine’s resolver one closed while it opens leaves all to the engine', async () => {
    await using served = await serve();
    const { names } = served;
    const path = await served.container('one');
    names.put(entry('web', lab, '10.0.0.2'));
    names.setView(view([lab]));
    const opening = names.openBeside(asker, path);
    names.close(asker);
    await opening;
    expect(await served.ask(path, 'web')).toEqual(ofEngine);
  });

  test('the later of the two ways to answer in a namespace replaces the other', async () => {
    await using served = await serve();
    const { names } = served;
    const path = await served.namespace('one');
    names.put(entry('web', lab, '10.0.0.2'));
    names.setView(view([lab]));
    await names.openBeside(asker, path);
    await names.open(asker, path);
    names.setView(view([lab], 'other' as SandboxId));
    await expect(names.open('other' as SandboxId, path)).rejects.toMatchObject({ code: 'conflict' });
    await names.openBeside(asker, path);
    expect(await served.ask(path, 'web')).toEqual(['10.0.0.2']);
    names.close(asker);
    await names.open('other' as SandboxId, path);
    expect(await served.ask(path, 'web')).toEqual(['10.0.0.2']);
  });

  test('at a gateway a sandbox sees what its view says, from the next answer on, without a resolver of its own', async () => {
    await using served = await serve();
    const { names } = served;
    const pod = await served.pod('10.67.0.2');
    names.put(entry('asker', lab, '10.67.0.2'));
    names.put(entry('db', back, '10.0.1.2'));
    await names.openGateway(lab, gateway);
    names.setView(view([lab]));
    expect(await served.ask(pod, 'db', gateway)).toBe('NXDOMAIN');
    names.setView(view([lab, back]));
    expect(await served.ask(pod, 'db', gateway)).toEqual(['10.0.1.2']);
    names.close(asker);
    expect(await served.ask(pod, 'asker', gateway)).toEqual(['10.67.0.2']);
    expect(await served.ask(pod, 'db', gateway)).toBe('SERVFAIL');
  });

  test('at a gateway each sandbox has its own view, strangers none, and the host that of the network', async () => {
    await using served = await serve();
    const { names } = served;
    const [one, two] = [await served.pod('10.67.0.2'), await served.pod('10.67.0.3')];
    names.put(entry('asker', lab, '10.67.0.2'));
    names.put(entry('web', lab, '10.0.0.2'));
    names.put(entry('web', back, '10.0.1.2'));
    names.setView(view([back]));
    await names.openGateway(lab, gateway);
    expect(await served.ask(one, 'web', gateway)).toEqual(['10.0.1.2']);
    expect(await served.ask(two, 'web', gateway)).toBe('REFUSED');
    expect(await served.ask(served.host, 'web', gateway)).toEqual(['10.0.0.2']);
  });

  test('at a gateway an address is its next owner’s as soon as it is one’s no more', async () => {
    await using served = await serve();
    const { names } = served;
    const pod = await served.pod('10.67.0.2');
    names.put(entry('asker', lab, '10.67.0.2'));
    names.put(entry('web', back, '10.0.1.2'));
    names.setView(view([back]));
    await names.openGateway(lab, gateway);
    names.remove(entry('asker', lab, '').endpointId);
    expect(await served.ask(pod, 'web', gateway)).toBe('REFUSED');
    names.put(entry('next', lab, '10.67.0.2'));
    names.setView(view([lab], 'next' as SandboxId));
    expect(await served.ask(pod, 'web', gateway)).toBe('NXDOMAIN');
  });

  test('a gateway opened twice is opened once, closed it does not answer, and can be opened again', async () => {
    await using served = await serve();
    const { names } = served;
    names.put(entry('web', lab, '10.0.0.2'));
    await Promise.all([names.openGateway(lab, gateway), names.openGateway(lab, gateway)]);
    await names.openGateway(lab, gateway);
    expect(names.gatewaysOf(lab)).toEqual([gateway]);
    expect(await served.ask(served.host, 'web', gateway)).toEqual(['10.0.0.2']);
    names.closeGateway(lab);
    names.closeGateway(lab);
    expect(names.gatewaysOf(lab)).toEqual([]);
    expect(await served.ask(served.host, 'web', gateway)).toBe('unreachable');
    await names.openGateway(lab, gateway);
    expect(await served.ask(served.host, 'web', gateway)).toEqual(['10.0.0.2']);
  });

  test('a gateway closed while it opens does not answer, unless it is opened again', async () => {
    await using served = await serve();
    const { names } = served;
    names.put(entry('web', lab, '10.0.0.2'));
    const opening = names.openGateway(lab, gateway);
    names.closeGateway(lab);
    await opening;
    expect(await served.ask(served.host, 'web', gateway)).toBe('unreachable');
    const former = names.openGateway(lab, gateway);
    names.closeGateway(lab);
    await Promise.all([former, names.openGateway(lab, gateway)]);
    expect(await served.ask(served.host, 'web', gateway)).toEqual(['10.0.0.2']);
  });

  test('a gateway’s address that another network answers at is a conflict, and free again it can be opened', async () => {
    await using served = await serve();
    const { names } = served;
    names.put(entry('web', lab, '10.0.0.2'));
    await names.openGateway(back, gateway);
    await expect(names.openGateway(lab, gateway)).rejects.toMatchObject({ code: 'conflict' });
    names.closeGateway(back);
    await names.openGateway(lab, gateway);
    expect(await served.ask(served.host, 'web', gateway)).toEqual(['10.0.0.2']);
  });

  test('a gateway’s address the host does not have is unavailable', async () => {
    await using served = await serve();
    const opening = served.names.openGateway(lab, '10.67.9.9' as IpAddress);
    await expect(opening).rejects.toMatchObject({ code: 'unavailable' });
    expect(served.names.gatewaysOf(lab)).toEqual([]);
  });

  test('after shutdown no gateway answers', async () => {
    await using served = await serve();
    await served.names.openGateway(lab, gateway);
    await served.names.shutdown();
    expect(await served.ask(served.host, 'web', gateway)).toBe('unreachable');
  });
}
