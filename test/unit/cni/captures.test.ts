import { describe, expect, test } from 'vitest';
import { decodeResult, encodeResult, printResult } from '../../../src/cni/convert.ts';
import { parseFields } from '../../../src/cni/fields.ts';
import { parseNetworkConfig } from '../../../src/cni/network-config.ts';
import { addressSource, planAddresses } from '../../../src/cni/plan-addresses.ts';
import { parseRequest } from '../../../src/cni/protocol.ts';
import { parseVersion, versionDocument } from '../../../src/cni/versions.ts';
import { readCaptures } from './captures.ts';

const captures = readCaptures();
const results = captures.filter(
  ({ body, stdout }) => body.environment['CNI_COMMAND'] === 'ADD' && stdout !== '',
);

/** The loopback plugin forgets the family that addresses of 0.3.1 have. */
function asItShouldBe(text: string): object {
  const { ips, ...rest } = JSON.parse(text);
  const hasFamily = rest.cniVersion !== '1.0.0' && rest.cniVersion !== '1.1.0';
  const family = ({ address }: { address: string }) => (address.includes(':') ? '6' : '4');
  return {
    ...rest,
    ips: ips.map((ip: { address: string }) => ({ ...(hasFamily && { version: family(ip) }), ...ip })),
  };
}

describe('requests of container runtimes', () => {
  test.each(captures)('$title is understood', ({ body }) => {
    const request = parseRequest(body);
    expect(request.command).toBe(body.environment['CNI_COMMAND']);
    if (request.command === 'VERSION') return;
    const config = parseNetworkConfig(request);
    expect(config.name).toBe(JSON.parse(body.configuration).name);
    if (addressSource(config) === 'host-local') {
      expect(planAddresses(config).endpoint.leases).not.toHaveLength(0);
    }
  });

  test.each(results)('$title: its result is read and written as it was', ({ stdout }) => {
    const fields = parseFields(stdout, 'the result');
    const version = parseVersion(fields.string('cniVersion'), 'the result');
    expect(encodeResult(decodeResult(fields, version), version)).toEqual(asItShouldBe(stdout));
  });

  test.each(results.filter(({ title }) => title.startsWith('cnitool')))(
    '$title: its result is written with the keys in the same order',
    ({ stdout }) => {
      const result = decodeResult(parseFields(stdout, 'the result'), '1.1.0');
      expect(printResult(result, '1.1.0')).toBe(JSON.stringify(JSON.parse(stdout), null, 4));
    },
  );

  test('there are results and requests of every kind', () => {
    const commands = new Set(captures.map(({ body }) => body.environment['CNI_COMMAND']));
    expect([...commands].sort()).toEqual(['ADD', 'CHECK', 'DEL', 'GC', 'STATUS', 'VERSION']);
    expect(results.length).toBeGreaterThan(20);
  });

  test('VERSION is answered in the form podman reads', () => {
    const known = captures.find(({ body }) => body.environment['CNI_COMMAND'] === 'VERSION')?.stdout ?? '{}';
    const { supportedVersions } = JSON.parse(known);
    expect(JSON.parse(versionDocument()).supportedVersions).toEqual([...supportedVersions, '1.1.0']);
  });
});
