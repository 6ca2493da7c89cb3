/**
 * The language of the table: Services, their endpoints, and what clients everywhere get of them. Both runners read
 * the same cases: model.test.ts asks the model, packets.root.test.ts a lab.
 *
 * The cluster is three nodes, a and c in zone z1, b in zone z2. Backends are pods a1 and a2 on node a, b1, c1; there
 * is a client pod on each node, and a host outside.
 */
export interface ServiceShape {
  type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  internal?: 'Local';
  external?: 'Local';
  /** Remote backends answer clients themselves. */
  direct?: true;
  /** tendril.dev/service-balancing. */
  balancing?: 'maglev';
  /** sessionAffinity ClientIP. */
  sticky?: true;
  /** externalIPs that the outside reaches by node a, and by node b. */
  externalIps?: true;
  /** Addresses of a load balancer, by nodes a and b; with mode Proxy, nobody on the nodes serves them. */
  balancer?: 'VIP' | 'Proxy';
  /** allocateLoadBalancerNodePorts: false. */
  withoutNodePorts?: true;
  /** loadBalancerSourceRanges: the addresses of these. */
  allow?: readonly string[];
  /** Of another proxy, or headless by label. */
  label?: string;
  headless?: true;
  families?: readonly (4 | 6)[];
}

/**
 * Backends by name, each with marks: `!` neither ready nor serving, `T` terminating and serving, `@z1` a zone hint,
 * `@node-a` a node hint.
 */
export type EndpointText = string;

/**
 * `CLIENT > FRONTEND: EXPECTED`.
 *
 * CLIENT: pod-a (the client pod on node a), a1 (that backend itself), host-a (a process of the node), outside.
 * FRONTEND: cluster, other-port (of the ClusterIP), nobody (an address like a ClusterIP), node-a (NodePort on that node's address), localhost (NodePort on loopback), external-a and
 * balancer-a (the addresses that the outside reaches by node a).
 * EXPECTED: the backends that answer, each seeing the client's own address, or with `@a` that of node a; `one of …`
 * where all of a client's connections go to one; `refused`, `dropped`; `unserved` where no backend ever answers,
 * whatever else does.
 */
export type Ask = string;

export interface SemanticCase {
  name: string;
  service: ServiceShape;
  endpoints: EndpointText;
  asks: readonly Ask[];
}

export interface ParsedAsk {
  client: string;
  frontend: string;
  verdict: 'answered' | 'refused' | 'dropped' | 'unserved';
  sticky: boolean;
  /** By backend: the node whose address it sees, or undefined for the client's own. */
  backends: ReadonlyMap<string, string | undefined>;
}

export function parseAsk(text: Ask): ParsedAsk {
  const match = /^(\S+) > (\S+): (one of )?(.+)$/.exec(text);
  if (match === null) throw new Error(`not CLIENT > FRONTEND: EXPECTED: ${text}`);
  const [, client, frontend, sticky, expected] = match as unknown as [
    string,
    string,
    string,
    string?,
    string?,
  ];
  const words = expected!.split(' ');
  const [first] = words;
  const silent = first === 'refused' || first === 'dropped' || first === 'unserved';
  const backends = silent ? [] : words.map((word) => word.split('@') as [string, string?]);
  return {
    client,
    frontend,
    verdict: silent ? first : 'answered',
    sticky: sticky !== undefined,
    backends: new Map(backends.map(([backend, node]) => [backend, node && `node-${node}`])),
  };
}

export interface ParsedEndpoint {
  backend: string;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  zones: readonly string[];
  nodes: readonly string[];
}

export function parseEndpoints(text: EndpointText): ParsedEndpoint[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [marked, ...hints] = word.split('@') as [string, ...string[]];
      const terminating = marked.includes('T');
      const serving = !marked.includes('!');
      return {
        backend: marked.slice(0, 2),
        ready: serving && !terminating,
        serving,
        terminating,
        zones: hints.filter((hint) => /^z\d$/.test(hint)),
        nodes: hints.filter((hint) => hint.startsWith('node-')),
      };
    });
}
