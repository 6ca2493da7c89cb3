import { describe, expect, it } from 'vitest';
import { formatIp, parseIp } from '../../net/ip.ts';
import { testService } from '../testing-objects.ts';
import type { Endpoint } from './endpoint.ts';
import { servicePorts } from './service-port.ts';
import { scopesOf } from './service-state.ts';
import { chooseEndpoints } from './topology.ts';
import { type CategorizeCase, categorizeCases } from './topology-cases.ts';

/** `a`: ready elsewhere; `L` local, `!` not ready, `T` serving while terminating, `z1` `n1` hints. */
function endpoints(text: string): Endpoint[] {
  return text
    .split(' ')
    .filter(Boolean)
    .map((word, index) => {
      const terminating = word.includes('T');
      const ready = !word.includes('!') && !terminating;
      const hints = (letter: string) =>
        [...word.matchAll(new RegExp(`${letter}\\d`, 'g'))].map(([hint]) => hint);
      return {
        ip: parseIp(`10.0.0.${index + 1}`),
        address: `10.0.0.${index + 1}`,
        family: 4 as const,
        port: 80,
        ready,
        serving: ready || terminating,
        terminating,
        local: word.includes('L'),
        onNode: true,
        forZones: hints('z'),
        forNodes: hints('n'),
      };
    });
}

function numbers(list: readonly Endpoint[]): string {
  return list.map((endpoint) => formatIp(endpoint.ip).split('.')[3]).join('');
}

function chosen(text: string, options: { zone?: string; local?: boolean } = {}) {
  const policy = options.local ? ('Local' as const) : ('Cluster' as const);
  const choice = chooseEndpoints(
    endpoints(text),
    { name: 'n1', zone: options.zone },
    { internalPolicy: policy, externalPolicy: 'Cluster', protocol: 'TCP' },
  );
  return [numbers(choice.cluster), numbers(choice.local), choice.any];
}

describe('traffic policy Cluster', () => {
  it.each([
    ['nobody', '', ['', '', false]],
    ['all that are ready', 'a aL a!', ['12', '', true]],
    ['terminating ones only where nothing is ready', 'a! aT aT', ['23', '', true]],
    ['not terminating ones beside ready ones', 'a aT', ['1', '', true]],
    ['nobody where none serves', 'a! a!', ['', '', false]],
  ])('serves %s', (_, text, expected) => {
    expect(chosen(text)).toEqual(expected);
  });
});

describe('traffic policy Local', () => {
  it.each([
    ['those of this node', 'a aL a aL', ['1234', '24', true]],
    ['a terminating one of this node rather than a ready one elsewhere', 'a aLT', ['1', '2', true]],
    ['nobody where all are elsewhere, which is not the same as no endpoints', 'a a', ['12', '', true]],
    ['nobody where none is', '', ['', '', false]],
  ])('serves %s', (_, text, expected) => {
    expect(chosen(text, { local: true })).toEqual(expected);
  });
});

describe('hints', () => {
  it.each([
    ['those of the zone', 'az1 az2 az1', 'z1', '13'],
    ['all where one ready endpoint lacks a hint', 'az1 a az2', 'z1', '123'],
    ['all where the zone has none', 'az2 az2', 'z1', '12'],
    ['all where the node has no zone', 'az1 az2', undefined, '12'],
    ['those of the zone, though one that is not ready lacks a hint', 'az1 az2 a!', 'z1', '1'],
    ['those of the node before those of the zone', 'az1n1 az1n2', 'z1', '1'],
    ['those of the zone where no node hint is ours', 'az1n2 az2n3', 'z1', '1'],
  ])('serve %s', (_, text, zone, expected) => {
    expect(chosen(text, zone === undefined ? {} : { zone })[0]).toBe(expected);
  });

  it('do not hide terminating endpoints where nothing is ready', () => {
    expect(chosen('az2T az2T', { zone: 'z1' })[0]).toBe('12');
  });
});

describe('flows that an endpoint has stay its own while it serves', () => {
  const held = (text: string, protocol: 'TCP' | 'UDP') => {
    const port = { internalPolicy: 'Cluster', externalPolicy: 'Cluster', protocol } as const;
    return chooseEndpoints(endpoints(text), { name: 'n1', zone: 'z1' }, port).held.map(({ ip }) =>
      formatIp(ip),
    );
  };
  it.each([
    ['a terminating one beside ready ones', 'a aT', ['10.0.0.2']],
    ['one of another zone', 'az1 az2', ['10.0.0.2']],
    ['none that serves no more', 'a a!', []],
    ['none twice, where nothing is ready', 'aT', []],
  ])('%s', (_, text, expected) => {
    expect(held(text, 'UDP')).toEqual(expected);
  });

  it('TCP knows its own end', () => {
    expect(held('a aT', 'TCP')).toEqual([]);
  });
});

describe('kube-proxy’s own cases', () => {
  /** As a Service, whose state is asked what its frontends would be given. */
  const categorize = ({ service, endpoints: words, node, zone }: CategorizeCase) => {
    const [port] = servicePorts(
      testService('web', {
        clusterIPs: ['10.96.0.1'],
        type: service.external ? 'NodePort' : 'ClusterIP',
        internalTrafficPolicy: service.internalLocal ? 'Local' : 'Cluster',
        externalTrafficPolicy: service.externalLocal ? 'Local' : 'Cluster',
        ports: [{ port: 80, ...(service.external && { nodePort: 30080 }) }] as never,
      }),
      [parseIp('10.9.0.1')],
    );
    const choice = chooseEndpoints(endpoints(words), { name: node, zone }, port);
    const kinds = port!.frontends.map(({ kind }) => kind);
    const scopes = new Set(kinds.flatMap((kind) => Object.values(scopesOf(port!, kind))));
    return {
      ...(scopes.has('cluster') && { cluster: numbers(choice.cluster) }),
      ...(scopes.has('local') && { local: numbers(choice.local) }),
      any: choice.any,
    };
  };
  it.each(categorizeCases)('$name', ({ cluster, local, any, ...given }) => {
    const expected = {
      ...(cluster !== undefined && { cluster }),
      ...(local !== undefined && { local }),
      any,
    };
    expect(categorize({ ...given, any })).toEqual(expected);
  });
});

describe('endpoints of this node that answer for other nodes', () => {
  const direct = (text: string, port: { dsr: boolean; externalPolicy: 'Cluster' | 'Local' }) => {
    const spec = { internalPolicy: 'Cluster', protocol: 'TCP', ...port } as const;
    const choice = chooseEndpoints(endpoints(text), { name: 'n1', zone: 'z1' }, spec);
    return choice.direct && numbers(choice.direct);
  };

  it.each([
    ['those that are ready, whatever zone they are meant for', 'az1 aLz2 aLz1 a!L', '23'],
    ['terminating ones where none is ready', 'a aLT', '2'],
    ['nobody where all are elsewhere', 'a a', ''],
  ])('are %s', (_, text, expected) => {
    expect(direct(text, { dsr: true, externalPolicy: 'Cluster' })).toBe(expected);
  });

  it('are none unless the Service asks for it, nor where no node sends clients to another', () => {
    expect(direct('aL', { dsr: false, externalPolicy: 'Cluster' })).toBeUndefined();
    expect(direct('aL', { dsr: true, externalPolicy: 'Local' })).toBeUndefined();
  });
});
