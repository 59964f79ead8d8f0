// A name server that knows nobody: Docker asks one, its own on the internet if need be, for names it does not know.
import type { TestHost } from '../test-host.ts';

const knowsNobody = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    query.writeUInt16BE(0x8183, 2);
    socket.send(query, port, address);
  });
  socket.bind(53, () => console.log('listens'));`;

/** Listens on every address of the host; ends with it. */
export async function startEmptyNameServer(host: TestHost): Promise<void> {
  await host.spawn([process.execPath, '--eval', knowsNobody]).line(/listens/);
}
