// Another daemon: answers `web` in a namespace beside an engine's resolver and stays until it is killed.
import { pino } from 'pino';
import { createNameService } from '../../../src/dns/engine.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { entry, lab, view } from '../../unit/dns/names.ts';

const asker = 'asker' as SandboxId;
const names = createNameService({ log: pino({ level: 'silent' }), resolvConf: '/nowhere' });
names.put(entry('web', lab, { addresses: ['10.0.0.2'] }));
names.setView(view([lab], { sandboxId: asker, forwarding: 'none' }));
await names.openBeside(asker, process.argv[2] ?? '');
process.stdout.write('ready\n');
// Resolvers do not keep a process alive.
setInterval(() => {}, 60_000);
