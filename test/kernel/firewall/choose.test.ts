// Which firewall a host gets where its kernel cannot check the frames of bridges.
import { constants } from 'node:os';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { chooseFirewall } from '../../../src/firewall/choose.ts';
import { NetlinkError } from '../../../src/kernel/netlink/error.ts';
import { run } from '../../support/own-network.ts';
import { policyOf } from './cable.ts';
import { networkPolicy } from './lan.ts';
import { takeTable } from './own-table.ts';

let table: AsyncDisposable;
beforeAll(async () => {
  table = await takeTable();
}, 130_000);
afterAll(async () => {
  await table?.[Symbol.asyncDispose]();
});

const state = { networks: [networkPolicy(1, { ifname: 'fl-plain' })], endpoints: [policyOf(2)] };

test('a kernel without nf_tables for bridges keeps networks apart, and the log says what is not checked', async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  // Chains of a family the kernel does not have: nft_chain_parse_hook() of net/netfilter/nf_tables_api.c.
  const refused = new NetlinkError({ errno: constants.errno.EOPNOTSUPP, step: 0 });
  const firewall = await chooseFirewall('nftables', log, () => Promise.reject(refused));
  onTestFinished(() => firewall.close());
  await firewall.replace(state);
  await firewall.apply([{ endpoint: policyOf(3) }, { removedEndpoint: policyOf(2).endpointId }]);
  expect(await firewall.inspect({ ...state, endpoints: [policyOf(3)] })).toEqual([]);
  const tables = run('nft list tables');
  expect(tables).toContain('table inet fairlead');
  expect(tables).not.toContain('table bridge fairlead');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    {
      level: 40,
      msg: 'endpoints of bridge networks may send with any address: this kernel cannot check frames',
      needs: 'CONFIG_NF_TABLES_BRIDGE',
    },
  ]);
});

test('whatever else keeps the frames of bridges from being checked is an error', async () => {
  const broken = new Error('the netlink thread ended');
  const chosen = chooseFirewall('nftables', pino({ enabled: false }), () => Promise.reject(broken));
  await expect(chosen).rejects.toBe(broken);
});
