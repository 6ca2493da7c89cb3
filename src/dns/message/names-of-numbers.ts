/** Names of record types, classes and response codes (IANA "Domain Name System Parameters", RFC 3597 for the others). */

const typeNames: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  X25: 19,
  ISDN: 20,
  RT: 21,
  'NSAP-PTR': 23,
  SIG: 24,
  KEY: 25,
  PX: 26,
  GPOS: 27,
  AAAA: 28,
  LOC: 29,
  NXT: 30,
  EID: 31,
  NIMLOC: 32,
  SRV: 33,
  ATMA: 34,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  DNAME: 39,
  OPT: 41,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  IPSECKEY: 45,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  HIP: 55,
  NINFO: 56,
  RKEY: 57,
  TALINK: 58,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  UINFO: 100,
  UID: 101,
  GID: 102,
  UNSPEC: 103,
  NID: 104,
  L32: 105,
  L64: 106,
  LP: 107,
  EUI48: 108,
  EUI64: 109,
  NXNAME: 128,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
  AVC: 258,
  AMTRELAY: 260,
  RESINFO: 261,
  TA: 32_768,
  DLV: 32_769,
};

const typesByNumber = new Map(Object.entries(typeNames).map(([name, type]) => [type, name]));

/** `AAAA`; `TYPE1234` for what has no name. */
export function typeName(type: number): string {
  return typesByNumber.get(type) ?? `TYPE${type}`;
}

/** Undefined for what is no type; upper case only, as zone files are read elsewhere. */
export function typeNumber(name: string): number | undefined {
  if (Object.hasOwn(typeNames, name)) return typeNames[name];
  const number = Number(/^TYPE(\d{1,5})$/.exec(name)?.[1] ?? Number.NaN);
  return number <= 0xffff ? number : undefined;
}

const classNames: Readonly<Record<string, number>> = { IN: 1, CS: 2, CH: 3, HS: 4, NONE: 254, ANY: 255 };
const classesByNumber = new Map(Object.entries(classNames).map(([name, number]) => [number, name]));

export function className(number: number): string {
  return classesByNumber.get(number) ?? `CLASS${number}`;
}

export function classNumber(name: string): number | undefined {
  return Object.hasOwn(classNames, name) ? classNames[name] : undefined;
}

const rcodeNames: Readonly<Record<string, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADSIG: 16,
  BADKEY: 17,
  BADTIME: 18,
  BADMODE: 19,
  BADNAME: 20,
  BADALG: 21,
  BADTRUNC: 22,
  BADCOOKIE: 23,
};
const rcodesByNumber = new Map(Object.entries(rcodeNames).map(([name, number]) => [number, name]));

/** `NXDOMAIN`; `RCODE11` for what has no name. */
export function rcodeName(rcode: number): string {
  return rcodesByNumber.get(rcode) ?? `RCODE${rcode}`;
}

export function rcodeNumber(name: string): number | undefined {
  return Object.hasOwn(rcodeNames, name) ? rcodeNames[name] : undefined;
}
