/**
 * What kube-proxy calls what it makes (k8s.io/kubernetes pkg/proxy/{nftables,iptables,ipvs}), name by name: others make
 * chains and sets that begin with KUBE- too. The kubelet has KUBE-FIREWALL, KUBE-IPTABLES-HINT and KUBE-KUBELET-CANARY;
 * kube-router, which k3s has network policies from, KUBE-ROUTER-…, KUBE-NWPLCY-…, KUBE-POD-FW-… and sets KUBE-SRC-…, KUBE-DST-….
 */
const chains = new Set([
  ...['SERVICES', 'EXTERNAL-SERVICES', 'NODEPORTS', 'POSTROUTING', 'FORWARD', 'MARK-MASQ', 'MARK-DROP'],
  ...['PROXY-FIREWALL', 'PROXY-CANARY'],
  // Mode ipvs alone.
  ...['NODE-PORT', 'LOAD-BALANCER', 'SOURCE-RANGES-FIREWALL', 'IPVS-FILTER', 'IPVS-OUT-FILTER'],
]);
/** A Service's port, and an endpoint, by a hash. */
const numbered = /^(SVC|SVL|FW|EXT|XLB|SEP)-\w+$/;

export function isKubeProxyChain(name: string): boolean {
  const own = /^KUBE-(.+)$/.exec(name)?.[1];
  return own !== undefined && (chains.has(own) || numbered.test(own));
}

export const isKubeProxyTable = (table: string): boolean => /^ip6? kube-proxy$/.test(table);

const sets = new Set([
  ...['LOOP-BACK', 'CLUSTER-IP', 'EXTERNAL-IP', 'EXTERNAL-IP-LOCAL', 'HEALTH-CHECK-NODE-PORT', 'IPVS-IPS'],
  ...['', '-FW', '-LOCAL', '-SOURCE-IP', '-SOURCE-CIDR'].map((end) => `LOAD-BALANCER${end}`),
  ...['TCP', 'UDP', 'SCTP-HASH'].flatMap((end) => [`NODE-PORT-${end}`, `NODE-PORT-LOCAL-${end}`]),
]);

/** IPSET_MAXNAMELEN less its NUL: longer ones are cut. */
const longest = 31;
const setNames = new Set(
  ['KUBE-', 'KUBE-6-'].flatMap((prefix) => [...sets].map((name) => (prefix + name).slice(0, longest))),
);

/** Of mode ipvs; those of IPv6 have a 6. */
export const isKubeProxySet = (name: string): boolean => setNames.has(name);
