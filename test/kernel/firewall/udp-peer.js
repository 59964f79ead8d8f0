// UDP for the tests' namespaces: `serve NAME PORT` answers with the name and the asker's address, over IPv4 and IPv6;
// `ask ADDRESS PORT SOURCEPORT SECONDS` prints one answer, `refused`, or nothing.
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const [, , verb, ...args] = process.argv;

function serve(name, port) {
  for (const [type, address] of [
    ['udp4', '0.0.0.0'],
    ['udp6', '::'],
  ]) {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    socket.on('message', (_, asker) => socket.send(`${name} ${asker.address}`, asker.port, asker.address));
    socket.bind(Number(port), address);
  }
}

function ask(address, port, sourcePort, seconds) {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const end = (text) => {
    process.stdout.write(text);
    process.exit();
  };
  setTimeout(end, Number(seconds) * 1000, '');
  socket.on('message', (answer) => end(`${answer}\n`));
  socket.on('error', () => end('refused\n'));
  // Only a connected socket is told of a refusal.
  socket.bind(Number(sourcePort), () => socket.connect(Number(port), address, () => socket.send('hello')));
}

if (verb === 'serve') serve(...args);
else ask(...args);
