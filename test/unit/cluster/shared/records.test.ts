// Records of a cluster as text, and where they are.
import { expect, test } from 'vitest';
import type { Cidr } from '../../../../src/base/cidr.ts';
import { Layout } from '../../../../src/cluster/shared/layout.ts';
import {
  decodeBlock,
  decodeEndpoint,
  decodeHost,
  decodeNetwork,
  decodeSchema,
  encodeBlock,
  encodeEndpoint,
  encodeHost,
  encodeNetwork,
} from '../../../../src/cluster/shared/records.ts';
import { endpoint, hostRecord, network } from './bed.ts';

const layout = new Layout('/fairlead');
const lab = { ...network('lab'), shared: true } as const;
const host = hostRecord(1);

test('records are read as they were written', () => {
  const web = endpoint('web', lab, '10.0.0.2');
  expect(decodeHost(host.id, encodeHost(host))).toEqual(host);
  expect(decodeNetwork(lab.id, encodeNetwork({ ...lab, pending: true }, 'machine1'))).toEqual({
    network: lab,
    madeOn: 'machine1',
  });
  expect(decodeEndpoint(web, encodeEndpoint(host.id, web))).toEqual({
    host: host.id,
    endpoint: web,
  });
  expect(decodeBlock(encodeBlock(host.id))).toBe(host.id);
});

test('fields of later versions are passed over', () => {
  const later = JSON.stringify({ ...JSON.parse(encodeHost(host)), zone: 'north' });
  expect(decodeHost(host.id, later)).toEqual(host);
});

for (const text of ['', '{', 'null', '[]', '7', '{}', '{"name":1}']) {
  test(`${text || 'nothing'} is no record`, () => {
    const of = { networkId: lab.id, id: endpoint('web', lab, '10.0.0.2').id };
    const decoded = [
      decodeHost(host.id, text),
      decodeNetwork(lab.id, text),
      decodeEndpoint(of, text),
      decodeBlock(text),
      decodeSchema(text),
    ];
    expect(decoded).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });
}

test('keys of blocks and endpoints tell what they are of', () => {
  const { id: endpointId } = endpoint('web', lab, '10.0.0.2');
  for (const cidr of ['10.0.0.0/29', 'fd00::1:0/112'] as Cidr[]) {
    const key = layout.block(lab.id, cidr);
    expect(key).toBe(`/fairlead/v1/net/id-lab/block/${cidr.replace('/', '_')}`);
    expect(layout.parsePart(key)).toEqual({ networkId: lab.id, block: cidr });
  }
  expect(layout.parsePart(layout.endpoint(lab.id, endpointId))).toEqual({
    networkId: lab.id,
    endpoint: endpointId,
  });
  for (const key of ['/fairlead/v1/net/x', '/fairlead/v1/net/x/other/y', '/fairlead/v1/host/x']) {
    expect(layout.parsePart(key)).toBeUndefined();
  }
});
