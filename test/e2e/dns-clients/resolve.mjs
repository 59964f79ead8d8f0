// Asks by c-ares, as Node's dns module does. Each argument is a question: `address NAME 4|6`, `name ADDRESS`, `service NAME`.
// Prints what was found, one a line; or `no name`, `no data`, or the error; and a line `=====` after each.
import { resolve4, resolve6, resolveSrv, reverse } from 'node:dns/promises';

const errors = { ENOTFOUND: 'no name', ENODATA: 'no data' };
const ways = {
  address: (name, family) => (family === '4' ? resolve4(name) : resolve6(name)),
  name: (address) => reverse(address),
  service: async (name) =>
    (await resolveSrv(name)).map((one) => `${one.priority} ${one.weight} ${one.port} ${one.name}`),
};

for (const question of process.argv.slice(2)) {
  const [kind, ...words] = question.split(' ');
  try {
    console.log((await ways[kind](...words)).join('\n'));
  } catch (error) {
    console.log(errors[error.code] ?? error.message);
  }
  console.log('=====');
}
