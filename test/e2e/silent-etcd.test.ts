// A netd that is started while etcd takes connections and says nothing, on a host on which nothing else keeps it busy.
import { expect, test } from 'vitest';
import { TestHost } from '../support/test-host.ts';

test('it gets ready, makes networks of its own, and ends when it is told to', async () => {
  await using host = await TestHost.start();
  await host.shell(
    'ip link add up0 type bridge && ip address add 10.99.0.1/24 dev up0 && ip link set up0 up',
  );
  const silence = host.spawn(['python3', '-u', '-c', silent]);
  await silence.line(/listens/);
  const netd = await host.netd('--etcd', 'http://10.99.0.1:2379', '--advertise', '10.99.0.1');
  expect(await host.net('cluster', 'status')).toMatch(/^State: +away/);
  await host.net('create', 'own');
  expect(await host.tryNet('create', '-d', 'overlay', 'lab')).toMatchObject({ status: 1 });
  expect((await netd.stop()).status).toBe(0);
});

const silent = `
import socket, time
server = socket.create_server(("10.99.0.1", 2379))
print("listens")
taken = []
while True: taken.append(server.accept())
`;
