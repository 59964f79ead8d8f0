// The options of bridge networks, with Docker's labels for them.
import { gatewayModes } from '../../model/gateway.ts';
import {
  commonOptions,
  type OptionRule,
  parseAddress,
  parseAddressOf,
  parseBool,
  parseChoice,
  parseIfname,
  parseIfnames,
} from '../options.ts';

const label = 'com.docker.network';
const bridgeLabel = `${label}.bridge`;

export const bridgeOptions: readonly OptionRule[] = [
  ...commonOptions,
  { name: 'bridge', synonyms: [`${bridgeLabel}.name`], parse: parseIfname },
  { name: 'masquerade', synonyms: [`${bridgeLabel}.enable_ip_masquerade`], parse: parseBool },
  { name: 'icc', synonyms: [`${bridgeLabel}.enable_icc`], parse: parseBool },
  {
    name: 'gateway_mode_ipv4',
    synonyms: [`${bridgeLabel}.gateway_mode_ipv4`],
    parse: parseChoice(...gatewayModes),
  },
  {
    name: 'gateway_mode_ipv6',
    synonyms: [`${bridgeLabel}.gateway_mode_ipv6`],
    parse: parseChoice(...gatewayModes),
  },
  { name: 'host_binding', synonyms: [`${bridgeLabel}.host_binding_ipv4`], parse: parseAddress },
  {
    name: 'trusted_host_interfaces',
    synonyms: [`${bridgeLabel}.trusted_host_interfaces`],
    parse: parseIfnames,
  },
  { name: 'inhibit_ipv4', synonyms: [`${bridgeLabel}.inhibit_ipv4`], parse: parseBool },
  { name: 'host_ipv4', synonyms: [`${label}.host_ipv4`], parse: parseAddressOf(4) },
  { name: 'host_ipv6', synonyms: [`${label}.host_ipv6`], parse: parseAddressOf(6) },
  { name: 'hairpin', parse: parseBool },
  { name: 'promiscuous', parse: parseBool },
  { name: 'anti_spoofing', parse: parseBool },
];
