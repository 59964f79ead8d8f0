// Changes of names and views as bytes, as the name server's thread takes them (native/dns/changes.h).
import { familyOf, toBytes } from '../../base/cidr.ts';
import type { NameEntry } from '../../model/name-entry.ts';
import type { Protocol } from '../../model/port.ts';
import { labelBytes, nameFromText } from '../message/domain-name.ts';
import { orderOf } from './name-table.ts';

// All integers big-endian; endpoint, network and sandbox are numbers above 0 that Numbers hands out.
//   change         op (1), bytes of the body (4), body
//   1 putEndpoint  endpoint (4), network (4), sandbox (4), suffix: name, order: text, target: name, names: count (4) name*,
//                  IPv4 addresses: count (4) 4 bytes*, IPv6 addresses: count (4) 16 bytes*,
//                  services: count (4) (protocol (1), port (2))*
//   2 removeEndpoint  endpoint (4)
//   3 setView      sandbox (4), group (4), networks: count (4) network (4)*, links: count (4) (alias: name, sandbox (4))*
//   4 removeView   sandbox (4)
//   name           its length (1), then labels as in a message, without the root's, in lower case but in a target
//   text           its length (1), then as many bytes
const op = { putEndpoint: 1, removeEndpoint: 2, setView: 3, removeView: 4 } as const;
const protocolNumber: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Whose names they are. */
export interface EndpointNumbers {
  readonly endpoint: number;
  readonly network: number;
  readonly sandbox: number;
}

export interface NumberedView {
  readonly sandbox: number;
  /** What replies to unknown names are remembered under; 0 where nothing leaves. */
  readonly group: number;
  readonly networks: readonly number[];
  readonly links: readonly { readonly alias: string; readonly target: number }[];
}

/** Replaces what the endpoint had. Names no message can hold are left out. */
export function putEndpoint({ endpoint, network, sandbox }: EndpointNumbers, entry: NameEntry): Buffer {
  const target = nameFromText(`${entry.names[0] ?? ''}.${entry.networkName}`) ?? '';
  const names = new Set(entry.names.map(foldedName).filter((name) => name !== undefined));
  const addresses = (family: 4 | 6) =>
    entry.addresses.filter((address) => familyOf(address) === family).map(toBytes);
  return change(op.putEndpoint, [
    ...[endpoint, network, sandbox].map(number),
    counted(labelBytes(foldedName(entry.networkName) ?? '')),
    counted(orderOf(entry)),
    counted(labelBytes(target)),
    list([...names].map((name) => counted(labelBytes(name)))),
    list(addresses(4)),
    list(addresses(6)),
    list(entry.services.map(({ protocol, port }) => [protocolNumber[protocol], port >> 8, port & 0xff])),
  ]);
}

export function removeEndpoint(endpoint: number): Buffer {
  return change(op.removeEndpoint, [number(endpoint)]);
}

/** Replaces what the sandbox saw. */
export function setView({ sandbox, group, networks, links }: NumberedView): Buffer {
  const named = links.flatMap(({ alias, target }) => {
    const name = foldedName(alias);
    return name === undefined ? [] : [Buffer.concat([counted(labelBytes(name)), number(target)])];
  });
  return change(op.setView, [number(sandbox), number(group), list(networks.map(number)), list(named)]);
}

export function removeView(sandbox: number): Buffer {
  return change(op.removeView, [number(sandbox)]);
}

function foldedName(text: string): string | undefined {
  return nameFromText(text)?.toLowerCase();
}

function change(code: number, parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([code]), number(body.length), body]);
}

function list(items: readonly (Uint8Array | readonly number[])[]): Buffer {
  return Buffer.concat([number(items.length), ...items.map((item) => Buffer.from(item))]);
}

function counted(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
