// Numbers of the protocol this resolver acts on (RFC 1035 and the registry of DNS parameters).

export const recordType = {
  A: 1,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** Twelve bits: the upper eight travel in the OPT record (RFC 6891 section 6.1.3). */
  BADVERS: 16,
} as const;

export const classIn = 1;
export const opcodeQuery = 0;
