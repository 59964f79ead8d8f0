// A host that is away for so long that others may be given its addresses. These are collected once a minute, so this takes more than one.
import { describe, expect, test } from 'vitest';
import { askName, patience, startLab, untilState } from '../support/cluster-bed-lab.ts';
import { expectEntriesAsRecorded, linksOf, networkIdOf, recordsOf } from '../support/cluster-bed-tables.ts';
import { addressOf, startServer } from '../support/peers.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('a host is cut from etcd for longer than its addresses are kept', () => {
  test('it closes its tunnels, loses what others were given, and takes back the rest', {
    timeout: 180_000,
  }, async () => {
    const { bed, id, netds } = await startLab(['h1', 'h2'], '--cluster-lease', '5', '--cluster-grace', '6');
    await using _ = bed;
    const h2 = bed.host('h2');
    await h2.net('create', '-d', 'overlay', 'kept');
    await startServer(h2, 'kept', '--network', 'kept');
    const keptAddress = await addressOf(h2, 'kept');
    await startServer(h2, 'neighbour', '--network', 'lab');
    const address = await addressOf(h2, 'web-h2');
    const events = h2.spawnNet('events');

    await bed.part('h2');
    await untilState(bed, 'h2', 'fenced');
    expect(await h2.run(['ip', '-brief', 'link', 'show', 'dev', linksOf(id).tunnel])).toMatch(/ DOWN /);
    expect(await askName(bed, 'h2', 'neighbour', 'web-h2')).toBe('web-h2');

    const give = () => startServer(bed.host('h1'), 'heir', '--network', 'lab', '--ip', address);
    await waitUntil('its address is another’s', () => give().then(() => true), {
      timeoutMs: 90_000,
      intervalMs: 500,
    });
    expect(await askName(bed, 'h1', 'web-h1', 'heir')).toBe('heir');

    await bed.heal();
    await untilState(bed, 'h2', 'joined');
    await events.line(/endpoint lost .*\bweb-h2\b/, 30_000);
    await netds.get('h2')?.process.line(/"msg":"endpoint is lost.*/, 5_000);
    await waitUntil(
      'it is off the network',
      async () => {
        return (
          (await recordsOf(bed, id)).filter(({ addresses }) =>
            addresses.some((each) => each.startsWith(`${address}/`)),
          ).length === 1
        );
      },
      patience,
    );
    await expectEntriesAsRecorded(bed, 'lab');
    expect(await askName(bed, 'h1', 'web-h1', 'heir')).toBe('heir');
    expect(
      await h2.run(['ip', '-brief', 'link', 'show', 'dev', linksOf(await networkIdOf(h2, 'kept')).tunnel]),
    ).not.toMatch(/ DOWN /);
    expect(await addressOf(h2, 'kept')).toBe(keptAddress);
    await expectEntriesAsRecorded(bed, 'kept');
    for (const name of bed.names) await bed.host(name).net('check');
  });
});
