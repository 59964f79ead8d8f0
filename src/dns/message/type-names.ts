// Types of records and response codes by name, as the registry of DNS parameters has them.

const types = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  CDS: 59,
  CDNSKEY: 60,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  URI: 256,
  CAA: 257,
} as const;

const codes: readonly string[] = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
];

const namesByNumber: ReadonlyMap<number, string> = new Map(
  Object.entries(types).map(([name, number]) => [number, name]),
);

/** Of `AAAA`, in any case, or `TYPE28` (RFC 3597 section 5). */
export function typeNumber(text: string): number | undefined {
  const word = text.toUpperCase();
  if (Object.hasOwn(types, word)) return types[word as keyof typeof types];
  const number = Number(/^TYPE(\d{1,5})$/.exec(word)?.[1]);
  return number >= 1 && number <= 0xffff ? number : undefined;
}

export function typeName(number: number): string {
  return namesByNumber.get(number) ?? `TYPE${number}`;
}

export function codeName(code: number): string {
  return codes[code] ?? `RCODE${code}`;
}
