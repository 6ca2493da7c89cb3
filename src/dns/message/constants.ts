/** Numbers of the DNS protocol that Tendril names (IANA "Domain Name System Parameters"). */
export const recordTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  DS: 43,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const responseCodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

export const classInternet = 1;
/** RFC 1035, section 2.3.4. */
export const maxNameBytes = 255;
export const maxLabelBytes = 63;
/** What a UDP answer may hold when the query has no OPT record. */
export const classicUdpBytes = 512;

/** Whether a question of the type asks for a whole zone (RFC 5936, RFC 1995). */
export const isTransfer = (type: number): boolean => type === recordTypes.AXFR || type === recordTypes.IXFR;
