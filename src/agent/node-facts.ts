/** What the agent takes from Node objects, and remembers of its own for a start without the API. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { Node } from '../kube/types.ts';
import { type Cidr, formatCidr, parseCidr } from '../net/cidr.ts';
import { formatIp, type Ip, tryParseIp } from '../net/ip.ts';
import type { Clock } from '../util/clock.ts';

export interface NodeFacts {
  name: string;
  podCidrs: Cidr[];
  internalIps: Ip[];
  zone?: string;
}

/** What is malformed in the object is left out: the API server has validated it. */
export function nodeFacts(node: Node): NodeFacts {
  const { podCIDR, podCIDRs = podCIDR === undefined ? [] : [podCIDR] } = node.spec ?? {};
  const addresses = node.status?.addresses ?? [];
  const zone = node.metadata.labels?.['topology.kubernetes.io/zone'];
  return {
    name: node.metadata.name,
    podCidrs: podCIDRs.flatMap(tryParseCidr),
    internalIps: addresses
      .filter(({ type }) => type === 'InternalIP')
      .flatMap(({ address }) => tryParseIp(address) ?? []),
    ...(zone !== undefined && { zone }),
  };
}

function tryParseCidr(text: string): Cidr[] {
  try {
    return [parseCidr(text)];
  } catch {
    return [];
  }
}

/** What an API that answers may take; one that does not must not keep a node's pods waiting. */
const askMs = 2000;

/**
 * As the API has the node now; undefined where it does not answer at once, or knows no such node. A Node that was made anew has
 * other podCIDRs than are remembered: addresses of the former ones may be another node's by now, and no route leads here.
 */
export async function currentFacts(
  { client, clock }: { client: Pick<KubeClient, 'get'>; clock: Clock },
  nodeName: string,
): Promise<NodeFacts | undefined> {
  const answer = client.get(resources.nodes, { name: nodeName }).then(nodeFacts, () => undefined);
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.after(askMs, () => resolve(undefined));
  return await Promise.race([answer, late]).finally(cancel);
}

/** The last known facts of the own node, in a file. A file that cannot be read is none, as is another node's: disks are copied. */
export class NodeMemory {
  readonly #path: string;
  #written: string | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  async load(nodeName: string): Promise<NodeFacts | undefined> {
    try {
      const { name, podCidrs, internalIps, zone } = JSON.parse(await readFile(this.#path, 'utf8'));
      if (name !== nodeName) return undefined;
      return {
        name,
        podCidrs: podCidrs.flatMap(tryParseCidr),
        internalIps: internalIps.flatMap((text: string) => tryParseIp(text) ?? []),
        ...(zone !== undefined && { zone }),
      };
    } catch {
      return undefined;
    }
  }

  /** One after the other: the file says at the end what was given last. */
  save(facts: NodeFacts): Promise<void> {
    const saved = this.#last.then(() => this.#write(facts));
    this.#last = saved.catch(() => {});
    return saved;
  }

  async #write(facts: NodeFacts): Promise<void> {
    const { podCidrs, internalIps, ...rest } = facts;
    const text = JSON.stringify({
      ...rest,
      podCidrs: podCidrs.map(formatCidr),
      internalIps: internalIps.map(formatIp),
    });
    if (text === this.#written) return;
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeFile(`${this.#path}.new`, text, { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
    this.#written = text;
  }
}
