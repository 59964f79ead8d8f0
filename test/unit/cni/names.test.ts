import { describe, expect, test } from 'vitest';
import { aliasesOf, sandboxName } from '../../../src/cni/names.ts';
import { parseNetworkConfig } from '../../../src/cni/network-config.ts';
import { request } from './requests.ts';

const id = '7f0bbcdd3f14be5414c22a97022046f2';
const long = 'x'.repeat(60);

function named(args: string, aliases: readonly string[] = []) {
  const environment = { CNI_CONTAINERID: id, CNI_ARGS: args };
  const parsed = request({ runtimeConfig: { aliases } }, { environment });
  return { name: sandboxName(parsed), aliases: aliasesOf(parsed, parseNetworkConfig(parsed)) };
}

describe('a container', () => {
  test.each([
    ['', '7f0bbcdd3f14', ['7f0bbcdd3f14']],
    ['K8S_POD_NAME=web', 'web', ['web', '7f0bbcdd3f14']],
    ['K8S_POD_NAME=web;K8S_POD_NAMESPACE=shop', 'web.shop', ['web', 'web.shop', '7f0bbcdd3f14']],
    ['K8S_POD_NAME=web.shop;K8S_POD_NAMESPACE=evil', 'web.shop.evil', ['web.shop.evil', '7f0bbcdd3f14']],
    [`K8S_POD_NAME=web.shop;K8S_POD_NAMESPACE=${long}`, '7f0bbcdd3f14', ['7f0bbcdd3f14']],
    ['K8S_POD_NAME=web.1', 'web.1', ['web.1', '7f0bbcdd3f14']],
    [`K8S_POD_NAME=${long};K8S_POD_NAMESPACE=shop`, long, [long, '7f0bbcdd3f14']],
    ['K8S_POD_NAME=-web;K8S_POD_NAMESPACE=shop', '7f0bbcdd3f14', ['7f0bbcdd3f14']],
    ['K8S_POD_NAMESPACE=shop', '7f0bbcdd3f14', ['7f0bbcdd3f14']],
  ])('with %j is called %s, and known as %j', (args, name, aliases) => {
    expect(named(args)).toEqual({ name, aliases });
  });

  test('is known by the names that are asked for, each once', () => {
    expect(named('K8S_POD_NAME=web', ['db', '7f0bbcdd3f14', 'web']).aliases).toEqual([
      'web',
      '7f0bbcdd3f14',
      'db',
    ]);
  });

  test('asked to be known by what is no name is refused', () => {
    expect(() => named('', ['a b'])).toThrow(/alias name "a b" is not of the form/);
  });
});
