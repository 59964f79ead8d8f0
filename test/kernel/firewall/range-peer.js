// For the tests' namespaces: `NAME FIRST LAST` answers on each of these ports, TCP and UDP, over IPv4 and IPv6, with `NAME:PORT`
// and the asker's address.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [, , name, first, last] = process.argv;

for (let port = Number(first); port <= Number(last); port++) {
  for (const family of [4, 6]) {
    const host = family === 4 ? '0.0.0.0' : '::';
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(`${name}:${port} ${socket.remoteAddress}\n`));
    });
    server.listen({ port, host, ipv6Only: true });
    const socket = createSocket({ type: `udp${family}`, ipv6Only: family === 6 });
    socket.on('message', (_, asker) =>
      socket.send(`${name}:${port} ${asker.address}`, asker.port, asker.address),
    );
    socket.bind(port, host);
  }
}
