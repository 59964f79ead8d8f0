// Requests and configurations for tests, with what every one of them has.
import { expect } from 'vitest';
import { type NetworkConfig, parseNetworkConfig } from '../../../src/cni/network-config.ts';
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

/** An error by its number and words of its message. */
export function cniError(code: number, message: string | RegExp) {
  return expect.objectContaining({ code, message: expect.stringMatching(message) });
}
