import { expect, test } from 'vitest';
import { DuplicateNames } from '../../../../src/dns/names/duplicate-names.ts';
import { visibleNames } from '../../../../src/dns/names/visible-names.ts';
import type { NetworkId, SandboxId } from '../../../../src/model/ids.ts';
import { back, entry, lab } from '../names.ts';

const webId = '0123456789ab'.padEnd(64, '0') as SandboxId;

function names() {
  const all = new DuplicateNames(() => {});
  all.put({
    ...entry('web', lab, { names: ['Web-Host', '0123456789ab', 'www'], addresses: ['10.0.0.2', 'fd00::2'] }),
    sandboxId: webId,
  });
  all.put(entry('db', lab, { names: ['store'], addresses: ['10.0.0.3'] }));
  all.put(entry('db2', back, { names: ['Store', 'db'], addresses: ['10.0.1.3'] }));
  return all;
}

const seen = (
  networks?: readonly NetworkId[],
  links: readonly { readonly alias: string; readonly target: SandboxId }[] = [],
) =>
  visibleNames(names(), networks && { networks, links }).map(
    ({ name, kind, networkName = '-', sandboxName, addresses, alsoClaimedBy, isHidden }) =>
      [
        name,
        kind,
        networkName,
        sandboxName,
        addresses.join(' '),
        alsoClaimedBy.join(' '),
        isHidden ? 'hidden' : '',
      ]
        .join(' ')
        .trim(),
  );

test('without an asker all names of all networks are there, each with what it is', () => {
  expect(seen()).toEqual([
    '0123456789ab id Lab web 10.0.0.2 fd00::2',
    'Store alias back db2 10.0.1.3',
    'Web-Host hostname Lab web 10.0.0.2 fd00::2',
    'db name Lab db 10.0.0.3',
    'db alias back db2 10.0.1.3',
    'db2 name back db2 10.0.1.3',
    'store alias Lab db 10.0.0.3',
    'web name Lab web 10.0.0.2 fd00::2',
    'www alias Lab web 10.0.0.2 fd00::2',
  ]);
});

test('an asker sees its networks, and who else claims a name there', () => {
  expect(seen([back])).toEqual([
    'Store alias back db2 10.0.1.3',
    'db alias back db2 10.0.1.3',
    'db2 name back db2 10.0.1.3',
  ]);
  const both = seen([lab, back]);
  expect(both).toHaveLength(9);
  expect(both.filter((line) => /db2?$/.test(line))).toEqual([
    'Store alias back db2 10.0.1.3 db',
    'db name Lab db 10.0.0.3 db2',
    'db alias back db2 10.0.1.3 db',
    'store alias Lab db 10.0.0.3 db2',
  ]);
});

test('its links are there too, and hide the names of others', () => {
  const links = [
    { alias: 'STORE', target: webId },
    { alias: 'db', target: 'db' as SandboxId },
    { alias: 'far', target: 'db2' as SandboxId },
  ];
  expect(seen([lab], links)).toEqual([
    '0123456789ab id Lab web 10.0.0.2 fd00::2',
    'STORE link Lab web 10.0.0.2 fd00::2',
    'Web-Host hostname Lab web 10.0.0.2 fd00::2',
    'db name Lab db 10.0.0.3',
    'db link Lab db 10.0.0.3',
    'far link - db2',
    'store alias Lab db 10.0.0.3  hidden',
    'web name Lab web 10.0.0.2 fd00::2',
    'www alias Lab web 10.0.0.2 fd00::2',
  ]);
});
