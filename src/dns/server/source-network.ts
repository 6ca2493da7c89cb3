/** Whose a client's address is, as far as fairness goes. */

const networks = new Map<string, string>();
const maxKept = 4096;

/** An IPv4 address alone, mapped or not; of an IPv6 address its /64, all of which one host may have (RFC 4291, section 2.5.4). */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  let network = networks.get(address);
  if (network === undefined) {
    if (networks.size >= maxKept) networks.clear();
    network = prefixOf(address);
    networks.set(address, network);
  }
  return network;
}

function prefixOf(address: string): string {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::`;
}
