/** `kubernetes [ZONES...]`: names of the cluster. */
import { resources } from '../../../kube/resources.ts';
import { tryParseIp } from '../../../net/ip.ts';
import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  onlyArgument,
  onlyDirective,
  unknownOption,
  wholeNumber,
  zonesOf,
} from '../../corefile/options.ts';
import { isBelow } from '../../message/name.ts';
import type { PluginSetup } from '../../plugin.ts';
import { createClusterNames } from './cluster-names.ts';
import { kubernetesPlugin } from './kubernetes.ts';

const defaultTtl = 5;

export const setup: PluginSetup = (directives, context) => {
  const directive = onlyDirective(directives);
  const zones = zonesOf(directive.args, context, directive.at);
  const zone = zones.find((one) => !isReverse(one));
  if (zone === undefined)
    throw corefileError(
      directive.at,
      'kubernetes needs a zone of its own',
      'Write: kubernetes cluster.local.',
    );
  const ttl = ttlOf(directive);
  const informers = context.informers();
  const stores = {
    namespaces: informers.store(resources.namespaces),
    services: informers.store(resources.services),
    slices: informers.store(resources.endpointSlices),
  };
  const synced = () => Object.values(stores).every((store) => store.hasSynced);
  const ownIps = () => stores.services.get('kube-system/kube-dns')?.spec?.clusterIPs ?? [];
  return {
    ready: synced,
    handler: kubernetesPlugin({
      zone,
      names: createClusterNames(stores),
      synced,
      ttl,
      serverIps: () => ownIps().flatMap((ip) => tryParseIp(ip) ?? []),
      resolve: (query, name) => context.resolve(query, { name, type: query.type }),
    }),
  };
};

const isReverse = (zone: string) => isBelow(zone, 'in-addr.arpa') || isBelow(zone, 'ip6.arpa');

function ttlOf({ block = [] }: Directive): number {
  let ttl = defaultTtl;
  for (const line of block) {
    if (line.name === 'ttl') ttl = wholeNumber(onlyArgument(line), { min: 0, max: 3600 }, line.at);
    else if (line.name === 'pods') podsMode(line);
    else if (line.name !== 'fallthrough') throw unknownOption(line, 'kubernetes');
  }
  return ttl;
}

function podsMode(line: Directive): void {
  const mode = onlyArgument(line);
  if (mode !== 'insecure')
    throw corefileError(line.at, `pods ${mode} is not supported yet`, 'Write: pods insecure.');
}
