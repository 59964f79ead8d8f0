// Requests and configurations for tests, with what every one of them has.
import { expect } from 'vitest';
import type { AddressPlan } from '../../../src/cni/address-plan.ts';
import { type NetworkConfig, parseNetworkConfig } from '../../../src/cni/network-config.ts';
import { type PlanInput, planAddresses } from '../../../src/cni/plan-addresses.ts';
import { type CniRequest, parseRequest } from '../../../src/cni/protocol.ts';

export interface RequestOptions {
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export const variables = {
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/c1',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
};

/** An object is what the configuration has besides version, name and type; a text is the whole. */
export function request(configuration: object | string = {}, options: RequestOptions = {}): CniRequest {
  const { command = 'ADD', environment = {} } = options;
  const whole = { cniVersion: '1.1.0', name: 'lab', type: 'fairlead-cni', ...Object(configuration) };
  return parseRequest({
    environment: { CNI_COMMAND: command, ...variables, ...environment },
    configuration: typeof configuration === 'string' ? configuration : JSON.stringify(whole),
  });
}

export function config(configuration: object | string = {}, options: RequestOptions = {}): NetworkConfig {
  return parseNetworkConfig(request(configuration, options));
}

export function plan(keys: object, options?: RequestOptions, input?: PlanInput): AddressPlan {
  return planAddresses(config(keys, options), input);
}

/** A configuration of a bridge that is the gateway, with ranges. */
export function hostLocal(ipam: object, keys: object = {}): object {
  return { isGateway: true, ...keys, ipam: { type: 'host-local', ...ipam } };
}

export function fixed(ipam: object, keys: object = {}): object {
  return { ...keys, ipam: { type: 'static', ...ipam } };
}

/** The runtime asks for these addresses. */
export function ips(...texts: string[]): object {
  return { runtimeConfig: { ips: texts } };
}

export const v4 = { subnet: '10.9.0.0/24' };
export const v6 = { subnet: 'fd99::/64' };
export const default4 = { dst: '0.0.0.0/0' };
export const default6 = { dst: '::/0' };

/** An error by its number and words of its message. */
export function cniError(code: number, message: string | RegExp) {
  return expect.objectContaining({ code, message: expect.stringMatching(message) });
}
