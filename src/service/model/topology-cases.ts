/**
 * The cases of kube-proxy's TestCategorizeEndpoints (Kubernetes 1.36, pkg/proxy/topology_test.go) as facts, for
 * topology.test.ts. An endpoint is a word: `a` is ready, `L` on this node, `!` not ready, `T` serving while it
 * terminates, `z1`, `n1` its hints. Endpoints are named by their place in the list, from 1.
 */
export interface CategorizeCase {
  name: string;
  /** Local policies of the Service, and whether it is reached by more than its ClusterIP. */
  service: { internalLocal?: true; externalLocal?: true; external?: true };
  node: string;
  zone?: string;
  endpoints: string;
  /** Undefined: the Service never uses them. */
  cluster?: string;
  local?: string;
  /** There is an endpoint somewhere. */
  any: boolean;
}

const spread = 'az1 az2 az3 az1';
const byNode = 'az1n1 az2n2 az3n3 az1n4';

const hints: CategorizeCase[] = [
  { name: 'all have hints', endpoints: spread, zone: 'z1', cluster: '14' },
  { name: 'no zone label', endpoints: 'az1', cluster: '1' },
  { name: 'an empty zone label', endpoints: 'az1', zone: '', cluster: '1' },
  { name: 'another zone', endpoints: 'az1', zone: 'z2', cluster: '1' },
  { name: 'one is not ready', endpoints: 'az1 az2 az3 a!z1', zone: 'z1', cluster: '1' },
  { name: 'those of the zone are not ready', endpoints: 'a!z1 az2 az3 a!z1', zone: 'z1', cluster: '23' },
  { name: 'one lacks a hint', endpoints: 'az1 az2 a az1', zone: 'z1', cluster: '1234' },
  { name: 'several hints each', endpoints: 'az1z2z3 az2z3 az2z4 az3', zone: 'z3', cluster: '124' },
  { name: 'same node', endpoints: byNode, zone: 'z1', cluster: '1' },
  { name: 'same node, one lacks hints', endpoints: 'az1n1 a az3n3 az1n4', zone: 'z1', cluster: '1234' },
  { name: 'same node, none for this one', node: 'n0', endpoints: byNode, zone: 'z1', cluster: '14' },
].map((hinted) => ({ service: {}, node: 'n1', any: true, ...hinted }));

const external = { external: true } as const;
const etpLocal = { externalLocal: true, ...external } as const;
const itpLocal = { internalLocal: true } as const;
const bothLocal = { ...itpLocal, ...etpLocal } as const;
const twoZones = 'aLz1 aLz2 az3 az1';

const policies: CategorizeCase[] = [
  {
    name: 'eTP Local: no hints for local ones',
    service: etpLocal,
    endpoints: twoZones,
    zone: 'z1',
    cluster: '14',
    local: '12',
  },
  {
    name: 'iTP Local: no hints for local ones',
    service: { ...itpLocal, ...external },
    endpoints: twoZones,
    zone: 'z1',
    cluster: '14',
    local: '12',
  },
  {
    name: 'zones and places that differ',
    service: etpLocal,
    endpoints: 'aLz1 aLz2 az1 az2',
    zone: 'z1',
    cluster: '13',
    local: '12',
  },
  { name: 'iTP Local, no endpoints', service: itpLocal, endpoints: '', local: '', any: false },
  { name: 'iTP Local, all remote', service: itpLocal, endpoints: 'a a', local: '' },
  { name: 'iTP Local, all local', service: itpLocal, endpoints: 'aL aL', local: '12' },
  { name: 'iTP Local, some local', service: itpLocal, endpoints: 'aL a', local: '1' },
  { name: 'Cluster, none ready', service: {}, endpoints: 'a! a!', cluster: '', any: false },
  { name: 'Cluster, some ready', service: {}, endpoints: 'a! a', cluster: '2' },
  { name: 'Cluster, all terminate', service: {}, endpoints: 'aLT aT', cluster: '12' },
  {
    name: 'iTP Local, eTP Cluster',
    service: { ...itpLocal, ...external },
    endpoints: 'aL a',
    cluster: '12',
    local: '1',
  },
  { name: 'iTP Cluster, eTP Local', service: etpLocal, endpoints: 'aL a', cluster: '12', local: '1' },
  { name: 'both Local', service: bothLocal, endpoints: 'aL a', cluster: '12', local: '1' },
  { name: 'both Local, all remote', service: bothLocal, endpoints: 'a a', cluster: '12', local: '' },
  {
    name: 'both Local, all remote and terminating',
    service: bothLocal,
    endpoints: 'aT aT',
    cluster: '12',
    local: '',
  },
  {
    name: 'eTP Local with terminating ones',
    service: etpLocal,
    endpoints: 'a aL! aLT aT',
    cluster: '1',
    local: '3',
  },
  {
    name: 'eTP Local of what only a ClusterIP reaches',
    service: { externalLocal: true as const },
    endpoints: 'a aL',
    cluster: '12',
  },
  { name: 'iTP Local of what only a ClusterIP reaches', service: itpLocal, endpoints: 'a aL', local: '2' },
  { name: 'no endpoints at all', service: {}, endpoints: '', cluster: '', any: false },
  {
    name: 'one that is neither ready nor serving',
    service: {},
    endpoints: 'a!',
    zone: 'z1',
    cluster: '',
    any: false,
  },
].map((policy) => ({ node: 'n1', any: true, ...policy }));

export const categorizeCases: readonly CategorizeCase[] = [...hints, ...policies];
