// Keys of the plugins this one replaces that ask for what it does not do: refused by name rather than passed over.
import { CniError, cniCode } from './errors.ts';
import type { Fields } from './fields.ts';

/** Key, and the values that ask for nothing. */
const keys: readonly (readonly [key: string, isNothing: (value: unknown) => boolean])[] = [
  ['vlan', (value) => value === 0],
  ['vlanTrunk', isEmptyList],
  ['conditionsV4', isEmptyList],
  ['conditionsV6', isEmptyList],
  ['externalSetMarkChain', (value) => value === ''],
  ['shapedSubnets', isEmptyList],
  ['unshapedSubnets', isEmptyList],
  ['linkInContainer', (value) => value === false],
];

/** Errors: 2, naming key and value. */
export function refuseUnsupported(configuration: Fields): void {
  const bandwidth = configuration.object('runtimeConfig')?.object('bandwidth');
  for (const fields of [configuration, ...(bandwidth === undefined ? [] : [bandwidth])]) {
    for (const [key, isNothing] of keys) {
      const value = fields.value(key);
      if (value === undefined || isNothing(value)) continue;
      throw new CniError(
        cniCode.unsupportedField,
        `unsupported field ${fields.at(key)}: ${JSON.stringify(value)}`,
      );
    }
  }
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
