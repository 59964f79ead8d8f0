// What the fuzzers of the native resolver begin with: questions of every kind, replies to them, changes of names. The formats
// are those of native/dns/fuzz/*_target.cc, and the names those of native/dns/fuzz/world.cc.

const type = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, AXFR: 252, ANY: 255 };

const names = [
  ...[
    '',
    'web',
    'WeB',
    'www.lab',
    'store',
    'a.b',
    'web.back',
    'both.back',
    'peer',
    'l.ink',
    'nobody',
    'sub.web',
  ],
  ...[
    'crowd',
    'all.many.more',
    'many.more',
    'example.com',
    '_80._tcp.crowd',
    '_080._tcp.web',
    '_443._tcp.www.lab',
  ],
  ...[
    '_81._tcp.web',
    '_99999._udp.web',
    '_tcp.web',
    '_80._tcp',
    '_http._tcp.web',
    '_5432._tcp.store',
    '_1._tcp.x',
  ],
  ...['2.1.0.10.in-addr.arpa', '002.1.0.10.in-addr.arpa', '6.2.0.10.in-addr.arpa', '300.0.0.10.in-addr.arpa'],
  `${'2.0.0.0.1.0.0.0.'.padEnd(60, '0.')}d.f.ip6.arpa`,
  Array(4).fill('x'.repeat(60)).join('.'),
];

/** Beside the names: what messages are made of. */
const words = [
  '\\x04_tcp',
  '\\x04_udp',
  '\\x07in-addr\\x04arpa',
  '\\x03ip6',
  '\\xc0\\x0c',
  '\\x00\\x00\\x29\\x10\\x00',
];

/** Of each target, the inputs it begins with. */
export function seeds() {
  const questions = names.flatMap((name) => Object.values(type).map((one) => question(name, one)));
  const odd = [
    question('web', type.A, { flags: 0x0110 }),
    question('web', type.A, { flags: 0x2000 }),
    question('web', type.A, { flags: 0x8000 }),
    question('web', type.A, { class: 3 }),
    question('web', type.A, { version: 1 }),
    Buffer.concat([question('web', type.A), Buffer.from('more')]),
  ];
  const all = [...questions, ...odd];
  return {
    answer: all.flatMap((message, i) => [
      Buffer.from([i % 5, i % 8, ...message]),
      Buffer.from([0x40 + (i % 64), 2, ...message]),
    ]),
    apply: changes(),
    remember: names.flatMap((name) => [remembered(name, false), remembered(name, true)]),
  };
}

/** A dictionary of libFuzzer's. */
export function dictionary() {
  const labels = new Set(names.flatMap((name) => name.split('.')).filter((label) => label !== ''));
  const encoded = [...labels].map((label) => `\\x${label.length.toString(16).padStart(2, '0')}${label}`);
  return [...encoded, ...words].map((word) => `"${word}"\n`).join('');
}

function question(name, asked, { flags = 0x0100, class: askedClass = 1, version } = {}) {
  const hasOpt = version !== undefined || (asked & 1) === 1;
  const header = words16(0x1234, flags, 1, 0, 0, hasOpt ? 1 : 0);
  const option = [0, ...words16(41, 1400), 0, version ?? 0, ...words16(0x8000, 0)];
  return Buffer.from([...header, ...wire(name), 0, ...words16(asked, askedClass), ...(hasOpt ? option : [])]);
}

function remembered(name, isLong) {
  const message = question(name, type.TXT);
  const reply = Buffer.from(message);
  reply.writeUInt16BE(0x8180, 2);
  const texts = isLong ? 5 : 1;
  reply.writeUInt16BE(texts, 6);
  const text = [...words16(0xc00c, type.TXT, 1, 0, 60, 201), 200, ...Buffer.alloc(200, 'x')];
  const records = Array(texts).fill(text).flat();
  return Buffer.from([0, isLong ? 5 : 0, 100, ...words16(message.length), ...message, ...reply, ...records]);
}

function changes() {
  const put = (endpoint, name, addresses) =>
    change(1, [
      ...[endpoint, 1, endpoint].flatMap(words32),
      ...[wire('lab'), [...Buffer.from(name)], wire(`${name}.lab`)].flatMap(counted),
      ...[...words16(1), ...counted(wire(name))],
      ...[...words16(addresses.length), ...addresses.flatMap((last) => [10, 0, 1, last])],
      ...[...words16(1), 0xfd, ...Array(14).fill(0), endpoint],
      ...[...words16(1), 6, ...words16(80)],
    ]);
  const view = (sandbox, links) =>
    change(3, [
      ...[...words32(sandbox), ...words32(7), ...words16(1), ...words32(1), ...words16(links.length)],
      ...links.flatMap((alias) => [...counted(wire(alias)), ...words32(1)]),
    ]);
  const each = [put(1, 'web', [2, 3]), put(9, 'new', []), view(1, ['store', 'a.b']), view(8, [])];
  const removals = [change(2, words32(1)), change(4, words32(1))];
  return [...each, ...removals, Buffer.concat(each), Buffer.concat([...each, ...removals, ...each])];
}

function change(code, body) {
  return Buffer.from([code, ...words32(body.length), ...body]);
}

function counted(bytes) {
  return [bytes.length, ...bytes];
}

/** Labels without the root's. */
function wire(name) {
  const labels = name === '' ? [] : name.split('.');
  return labels.flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]);
}

function words16(...values) {
  return values.flatMap((value) => [value >> 8, value & 0xff]);
}

function words32(value) {
  return [0, 0, value >> 8, value & 0xff];
}
