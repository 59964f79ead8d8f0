import { describe, expect, test } from 'vitest';
import { parseCniArgs } from '../../../src/cni/cni-args.ts';
import { parseRequest, versionOfErrors } from '../../../src/cni/protocol.ts';
import { cniVersions } from '../../../src/cni/versions.ts';
import { cniError, request, variables } from './requests.ts';

const configuration = JSON.stringify({ cniVersion: '1.1.0', name: 'lab' });

describe('a request', () => {
  test('is taken apart', () => {
    const parsed = request(
      {},
      {
        environment: { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web', TRACEPARENT: '00-1-2-01', BAGGAGE: '' },
      },
    );
    expect(parsed).toMatchObject({
      command: 'ADD',
      version: '1.1.0',
      network: 'lab',
      containerId: 'c1',
      netns: '/run/netns/c1',
      ifname: 'eth0',
      path: '/opt/cni/bin',
      args: { podName: 'web' },
      trace: { traceparent: '00-1-2-01' },
    });
    expect(parsed.trace).not.toHaveProperty('baggage');
  });

  test('VERSION needs nothing and reads nothing', () => {
    const parsed = parseRequest({ environment: { CNI_COMMAND: 'VERSION' }, configuration: 'nonsense' });
    expect(parsed).toMatchObject({ command: 'VERSION', network: '', containerId: '' });
  });

  test.each([
    ['ADD', 'CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH'],
    ['CHECK', 'CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH'],
    ['DEL', 'CNI_CONTAINERID, CNI_IFNAME, CNI_PATH'],
    ['GC', 'CNI_PATH'],
    ['STATUS', 'CNI_PATH'],
  ])('%s names every variable that is missing', (command, missing) => {
    const environment = { CNI_COMMAND: command, CNI_CONTAINERID: '' };
    expect(() => parseRequest({ environment, configuration })).toThrow(
      cniError(4, new RegExp(`missing: ${missing}$`)),
    );
    expect(request({}, { command }).command).toBe(command);
  });

  test('DEL does without a namespace, GC and STATUS without a container', () => {
    expect(request({}, { command: 'DEL', environment: { CNI_NETNS: '' } }).netns).toBe('');
    expect(request({}, { command: 'GC', environment: { CNI_CONTAINERID: '..' } }).containerId).toBe('');
  });

  test.each([
    [{ CNI_COMMAND: '' }, 4, 'CNI_COMMAND is missing'],
    [{ CNI_COMMAND: 'UPDATE' }, 4, 'unknown CNI_COMMAND UPDATE; known are ADD'],
    [{ CNI_COMMAND: 'constructor' }, 4, 'unknown CNI_COMMAND'],
    [{ CNI_CONTAINERID: '-x' }, 4, 'CNI_CONTAINERID: "-x"'],
    [{ CNI_CONTAINERID: 'a/b' }, 4, 'CNI_CONTAINERID: "a/b"'],
    [{ CNI_IFNAME: 'sixteen-letters-' }, 4, 'CNI_IFNAME: "sixteen-letters-"'],
    [{ CNI_IFNAME: '..' }, 4, 'CNI_IFNAME: "\\.\\."'],
    [{ CNI_IFNAME: 'a/b' }, 4, 'CNI_IFNAME: "a/b"'],
    [{ CNI_IFNAME: 'a:b' }, 4, 'CNI_IFNAME: "a:b"'],
    [{ CNI_IFNAME: 'a b' }, 4, 'CNI_IFNAME: "a b"'],
    [{ CNI_ARGS: 'FOO=1' }, 4, 'unknown keys FOO'],
  ])('with %j is refused', (environment, code, message) => {
    const body = { environment: { CNI_COMMAND: 'ADD', ...variables, ...environment }, configuration };
    expect(() => parseRequest(body)).toThrow(cniError(code, new RegExp(message)));
  });

  test.each([
    ['', 6, 'not JSON'],
    ['[]', 6, 'not an object'],
    ['{"cniVersion":"1.0.0"}', 7, 'name of the network is missing'],
    ['{"name":"-lab"}', 7, 'name: "-lab" is not of the form'],
    ['{"name":"a/b"}', 7, 'name: "a/b" is not of the form'],
    ['{"name":7}', 6, 'name: 7 is not a string'],
    ['{"name":"lab","cniVersion":"0.5.0"}', 1, 'incompatible CNI version: .* of 0\\.5\\.0'],
    ['{"name":"lab","cniVersion":1}', 6, 'cniVersion: 1 is not a string'],
  ])('with configuration %s is refused', (text, code, message) => {
    expect(() => request(text)).toThrow(cniError(code, new RegExp(message)));
  });

  test.each([
    ['CHECK', '0.3.1', '0.4.0'],
    ['GC', '1.0.0', '1.1.0'],
    ['STATUS', '1.0.0', '1.1.0'],
  ])('%s of %s needs %s', (command, cniVersion, least) => {
    expect(() => request({ cniVersion }, { command })).toThrow(
      cniError(1, new RegExp(`${command} needs ${least}, .* of ${cniVersion}`)),
    );
    expect(request({ cniVersion: least }, { command }).version).toBe(least);
  });

  test.each(cniVersions)('of %s is understood', (cniVersion) => {
    expect(request({ cniVersion }).version).toBe(cniVersion);
  });

  test.each([{ cniVersion: undefined }, { cniVersion: '' }, { cniVersion: null }])(
    'with %j is of the first version',
    (version) => {
      expect(request(version).version).toBe('0.1.0');
    },
  );

  test.each([
    ['{"cniVersion":"0.4.0"}', '0.4.0'],
    ['{}', '0.1.0'],
    ['{"cniVersion":"7.0.0"}', '1.1.0'],
    ['nonsense', '1.1.0'],
  ])('with configuration %s has its errors in version %s', (text, version) => {
    expect(versionOfErrors(text)).toBe(version);
  });
});

describe('CNI_ARGS', () => {
  test('are taken apart', () => {
    const text =
      'K8S_POD_UID=u;IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=1;' +
      'IP=10.9.0.5, fd99::5/64;GATEWAY=10.9.0.1,fd99::1;MAC=02-00-00-00-00-77;Other=a=b;';
    expect(parseCniArgs(text)).toEqual({
      ips: [{ address: '10.9.0.5' }, { address: 'fd99::5', prefix: 64 }],
      gateways: ['10.9.0.1', 'fd99::1'],
      mac: '02:00:00:00:00:77',
      podName: 'web',
      podNamespace: 'default',
    });
  });

  test.each(['', ';', 'IP=;MAC=;K8S_POD_NAME='])('%j ask for nothing', (text) => {
    expect(parseCniArgs(text)).toEqual({ ips: [], gateways: [] });
  });

  test.each(['1', 'true', 'TRUE'])('with IgnoreUnknown=%s may have other keys', (value) => {
    expect(parseCniArgs(`X=1;IgnoreUnknown=${value}`)).toEqual({ ips: [], gateways: [] });
  });

  test.each([
    ['B=1;A=2', 'unknown keys A, B; known are IgnoreUnknown, IP'],
    ['A=2;IgnoreUnknown=0', 'unknown keys A'],
    ['A=2;IgnoreUnknown=maybe', 'IgnoreUnknown: "maybe"'],
    ['IP', '"IP" is not KEY=VALUE'],
    ['=x', '"=x" is not KEY=VALUE'],
    ['IP=10.9', '^CNI_ARGS IP: 10\\.9 is not an IP address'],
    ['GATEWAY=x', '^CNI_ARGS GATEWAY: x is not'],
    ['MAC=x', '^CNI_ARGS MAC: x is not'],
  ])('%j are refused', (text, message) => {
    expect(() => parseCniArgs(text)).toThrow(cniError(4, new RegExp(message)));
  });
});
