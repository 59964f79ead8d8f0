// Messages of D-Bus against those captured with `dbus-monitor --pcap` from dbus-daemon 1.14 and busctl 252.
import { expect, test } from 'vitest';
import { decodeAnswer, encodeCall, messageBytes } from '../../../../src/firewall/firewalld/bus-message.ts';
import { BusReader, type BusValue, BusWriter } from '../../../../src/firewall/firewalld/bus-values.ts';

/** `busctl call … addZone2 'sa{sv}' fairlead 2 target s default services as 1 dns`: what comes after the header. */
const zoneBody =
  '08000000666169726c656164000000004000000000000000060000007461726765740001730000000700000064656661756c7400' +
  '0000000008000000736572766963657300026173000000000800000003000000646e7300';
const zoneValues: readonly BusValue[] = [
  'fairlead',
  [
    ['target', { signature: 's', value: 'default' }],
    ['services', { signature: 'as', value: ['dns'] }],
  ],
];
/** The answer to `dbus-send … NameHasOwner string:org.freedesktop.DBus`. */
const owned =
  '6c02010104000000030000003d00000006017300040000003a312e34000000000501750002000000080167000162000007017300140000' +
  '006f72672e667265656465736b746f702e444275730000000001000000';
/** The answer to a call to `org.example.None`. */
const unknown =
  '6c03010145000000030000007500000006017300040000003a312e350000000004017300290000006f72672e667265656465736b746f70' +
  '2e444275732e4572726f722e53657276696365556e6b6e6f776e000000000000000501750002000000080167000173000007017300140000' +
  '006f72672e667265656465736b746f702e444275730000000040000000546865206e616d65206f72672e6578616d706c652e4e6f6e65' +
  '20776173206e6f742070726f766964656420627920616e79202e736572766963652066696c657300';

test('values are written as busctl writes them, and read back', () => {
  expect(new BusWriter().write('sa{sv}', zoneValues).finish().toString('hex')).toBe(zoneBody);
  expect(new BusReader(bytesOf(zoneBody)).read('sa{sv}')).toEqual(zoneValues);
});

test.for<[signature: string, value: BusValue]>([
  ['y', 7],
  ['b', true],
  ['i', -5],
  ['u', 4_000_000_000],
  ['o', '/org/fedoraproject/FirewallD1'],
  ['g', 'a{sv}'],
  ['as', []],
  ['a(yv)', [[1, { signature: 'a(ss)', value: [['80', 'tcp']] }]]],
])('a value of type %s is read as it was written', ([signature, value]) => {
  const bytes = new BusWriter().write(`y${signature}`, [1, value]).finish();
  expect(new BusReader(bytes).read(`y${signature}`)).toEqual([1, value]);
});

test('answers and errors are told from each other', () => {
  expect(messageBytes(bytesOf(owned))).toBe(owned.length / 2);
  expect(decodeAnswer(bytesOf(owned))).toEqual({ replyTo: 2, body: [true] });
  expect(decodeAnswer(bytesOf(unknown))).toEqual({
    replyTo: 2,
    error: 'org.freedesktop.DBus.Error.ServiceUnknown',
    body: ['The name org.example.None was not provided by any .service files'],
  });
});

test('a call is a message whose length is what its header says, and no answer', () => {
  const call = encodeCall(9, {
    destination: 'org.example',
    path: '/a',
    interface: 'org.example.I',
    member: 'addZone2',
    signature: 'sa{sv}',
    body: zoneValues,
  });
  expect(messageBytes(call)).toBe(call.length);
  expect(call.subarray(-zoneBody.length / 2).toString('hex')).toBe(zoneBody);
  expect(decodeAnswer(call)).toBeUndefined();
});

test.for([
  ['an answer cut short', owned.slice(0, -2)],
  ['a list longer than its message', `${unknown.slice(0, 24)}ffff0000${unknown.slice(32)}`],
  ['text longer than its message', `${owned.slice(0, 42)}ff${owned.slice(44)}`],
])('%s is refused', ([, hex = '']) => {
  expect(() => decodeAnswer(bytesOf(hex))).toThrow(RangeError);
});

test('how long a message is cannot be told before its header is there', () => {
  expect(messageBytes(bytesOf(owned).subarray(0, 15))).toBeUndefined();
  expect(() => messageBytes(bytesOf(`42${owned.slice(2)}`))).toThrow('byte order');
});

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}
