import { expect, test } from 'vitest';
import { isKubeProxyChain, isKubeProxySet } from './names.ts';

test.each([
  'KUBE-SERVICES',
  'KUBE-NODEPORTS',
  'KUBE-PROXY-CANARY',
  'KUBE-IPVS-FILTER',
  'KUBE-SVC-TCOU7JCQXEZGVUNU',
  'KUBE-SEP-TCOU7JCQXEZGVUNU',
])('the chain %s is kube-proxy’s', (name) => expect(isKubeProxyChain(name)).toBe(true));

test.each([
  // The kubelet's.
  'KUBE-FIREWALL',
  'KUBE-IPTABLES-HINT',
  'KUBE-KUBELET-CANARY',
  // kube-router's: network policies.
  'KUBE-ROUTER-FORWARD',
  'KUBE-NWPLCY-DEFAULT',
  'KUBE-POD-FW-TCOU7JCQXEZGVUNU',
  'MY-KUBE-SERVICES',
])('the chain %s is somebody else’s', (name) => expect(isKubeProxyChain(name)).toBe(false));

test.each([
  'KUBE-CLUSTER-IP',
  'KUBE-6-CLUSTER-IP',
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH',
  // The kernel's names have 31 bytes.
  'KUBE-6-NODE-PORT-LOCAL-SCTP-HAS',
  'KUBE-6-LOAD-BALANCER-SOURCE-CID',
])('the set %s is kube-proxy’s', (name) => expect(isKubeProxySet(name)).toBe(true));

test.each([
  'KUBE-SRC-TCOU7JCQXEZGVUNU',
  'KUBE-DST-TCOU7JCQXEZGVUNU',
  'inet6:KUBE-SRC-TCOU7JCQXEZGVUNU',
  'CLUSTER-IP',
])('the set %s is somebody else’s', (name) => expect(isKubeProxySet(name)).toBe(false));
