import { beforeEach, describe, expect, it } from 'vitest';
import type { EndpointSlice, Namespace, Service } from '../../kube/types.ts';
import { formatIp, parseIp } from '../../net/ip.ts';
import { TestStore, testService, testSlice } from '../testing-objects.ts';
import { ServiceTracker } from './service-tracker.ts';

let services: TestStore<Service>;
let slices: TestStore<EndpointSlice>;
let namespaces: TestStore<Namespace>;
let addresses: string[];
let tracker: ServiceTracker;
let dirty: number;
let zone: string | undefined;

beforeEach(() => {
  services = new TestStore();
  slices = new TestStore();
  namespaces = new TestStore();
  addresses = ['10.9.0.1'];
  dirty = 0;
  zone = undefined;
  tracker = new ServiceTracker({
    services,
    slices,
    namespaces,
    node: {
      name: 'here',
      get zone() {
        return zone;
      },
      addresses: () => addresses.map(parseIp),
    },
    onDirty: () => dirty++,
  });
});

const update = async () => (await tracker.update(() => undefined)).ports;
const web = (ports: object[] = [{ name: 'http', port: 80 }]) =>
  testService('web', { clusterIPs: ['10.96.0.1'], ports: ports as never });
const slice = (ips: string[], options: Partial<Parameters<typeof testSlice>[1]> = {}) =>
  testSlice('web', {
    family: 4,
    ports: [{ name: 'http', port: 8080 }],
    endpoints: ips.map((ip) => ({ ip })),
    ...options,
  });

async function served(port = 'http/TCP'): Promise<string[] | undefined> {
  const state = (await update()).get(`default/web:${port}`);
  return state?.endpoints[4].cluster.map((endpoint) => `${formatIp(endpoint.ip)}|${endpoint.port}`);
}

describe('endpoints of one Service', () => {
  it('are those of all its slices, each once', async () => {
    services.set(web());
    slices.set(slice(['10.0.0.1', '10.0.0.2']));
    slices.set(slice(['10.0.0.2', '10.0.0.3'], { suffix: '-b' }));
    expect(await served()).toEqual(['10.0.0.1|8080', '10.0.0.2|8080', '10.0.0.3|8080']);
    slices.remove('default/web-4-b');
    expect(await served()).toEqual(['10.0.0.1|8080', '10.0.0.2|8080']);
  });

  it('follow slices that came before the Service, and outlive none that goes', async () => {
    slices.set(slice(['10.0.0.1']));
    expect(await served()).toBeUndefined();
    services.set(web());
    expect(await served()).toEqual(['10.0.0.1|8080']);
    services.remove('default/web');
    expect(await served()).toBeUndefined();
  });

  it('move with a slice that is relabelled to another Service', async () => {
    services.set(web());
    services.set(
      testService('other', { clusterIPs: ['10.96.0.2'], ports: [{ name: 'http', port: 80 }] as never }),
    );
    slices.set(slice(['10.0.0.1']));
    await update();
    const moved = slice(['10.0.0.1']);
    moved.metadata.labels!['kubernetes.io/service-name'] = 'other';
    slices.set(moved);
    const ports = await update();
    expect(ports.get('default/web:http/TCP')!.endpoints[4].cluster).toHaveLength(0);
    expect(ports.get('default/other:http/TCP')!.endpoints[4].cluster).toHaveLength(1);
  });

  it('are joined by port name, which a rename breaks until both sides have it', async () => {
    services.set(web());
    slices.set(slice(['10.0.0.1']));
    expect(await served()).toHaveLength(1);
    services.set(web([{ name: 'web', port: 80 }]));
    expect(await served()).toBeUndefined();
    expect(await served('web/TCP')).toEqual([]);
    slices.set(slice(['10.0.0.1'], { ports: [{ name: 'web', port: 8080 }] }));
    expect(await served('web/TCP')).toHaveLength(1);
  });

  it('leave and come back with readiness; absent conditions mean ready', async () => {
    services.set(web());
    slices.set(slice([], { endpoints: [{ ip: '10.0.0.1', ready: false }, { ip: '10.0.0.2' }] }));
    expect(await served()).toEqual(['10.0.0.2|8080']);
    const plain = slice(['10.0.0.1']);
    delete plain.endpoints![0]!.conditions;
    slices.set(plain);
    expect(await served()).toEqual(['10.0.0.1|8080']);
  });

  it('keep serving while they terminate, where nothing else does', async () => {
    services.set(web());
    const terminating = { ip: '10.0.0.1', ready: false, serving: true, terminating: true };
    slices.set(slice([], { endpoints: [terminating] }));
    expect(await served()).toEqual(['10.0.0.1|8080']);
    slices.set(slice([], { endpoints: [terminating, { ip: '10.0.0.2' }] }));
    expect(await served()).toEqual(['10.0.0.2|8080']);
  });
});

describe('what is not served', () => {
  it.each([
    ['headless', { clusterIP: 'None', clusterIPs: ['None'] }, {}],
    ['ExternalName', { type: 'ExternalName', externalName: 'example.org' }, {}],
    ['another proxy’s', { clusterIPs: ['10.96.0.1'] }, { 'service.kubernetes.io/service-proxy-name': 'x' }],
    ['headless by label', { clusterIPs: ['10.96.0.1'] }, { 'service.kubernetes.io/headless': '' }],
  ])('%s', async (_, spec, labels) => {
    services.set(testService('web', { ...spec, ports: [{ port: 80 }] } as never, labels));
    expect((await update()).size).toBe(0);
  });
});

describe('health checks', () => {
  it('tell the ready endpoints of this node, of LoadBalancers with a Local policy', async () => {
    const check = async () => (await tracker.update(() => undefined)).healthChecks.get('default/web');
    const balanced = (externalTrafficPolicy: 'Local' | 'Cluster') =>
      testService('web', {
        type: 'LoadBalancer',
        externalTrafficPolicy,
        healthCheckNodePort: 31_000,
        clusterIPs: ['10.96.0.1'],
        ports: [{ name: 'http', port: 80 }] as never,
      });
    slices.set(
      slice([], {
        endpoints: [
          { ip: '10.0.0.1', node: 'here' },
          { ip: '10.0.0.2', node: 'there' },
        ],
      }),
    );
    expect(await check()).toBeUndefined();
    services.set(balanced('Local'));
    expect(await check()).toEqual({ port: 31_000, families: [4], localEndpoints: { 4: 1, 6: 0 } });
    slices.set(slice(['10.0.0.2']));
    expect((await check())!.localEndpoints[4]).toBe(0);
    services.set(balanced('Cluster'));
    expect(await check()).toBeUndefined();
    services.set(balanced('Local'));
    expect(await check()).toBeDefined();
    services.remove('default/web');
    expect(await check()).toBeUndefined();
  });
});

describe('work', () => {
  it('an event asks for an update; what came out the same keeps its object', async () => {
    services.set(web());
    slices.set(slice(['10.0.0.1']));
    const before = (await update()).get('default/web:http/TCP');
    const asked = dirty;
    slices.set(slice(['10.0.0.1']));
    expect(dirty).toBeGreaterThan(asked);
    expect((await update()).get('default/web:http/TCP')).toBe(before);
    slices.set(slice(['10.0.0.1', '10.0.0.2']));
    expect((await update()).get('default/web:http/TCP')).not.toBe(before);
  });

  it('a Service that cannot be derived is tried again, and the others are not lost', async () => {
    services.set(web());
    services.set(
      testService('later', { clusterIPs: ['10.96.0.2'], ports: [{ name: 'http', port: 80 }] as never }),
    );
    const lookup = services.get.bind(services);
    let broken = true;
    services.get = (key) => {
      if (broken && key === 'default/web') throw new Error('broken');
      return lookup(key);
    };
    expect([...(await update()).keys()]).toEqual(['default/later:http/TCP']);
    expect([tracker.takeFailure(), tracker.takeFailure()]).toEqual([new Error('broken'), undefined]);
    broken = false;
    expect([...(await update()).keys()].sort()).toEqual(['default/later:http/TCP', 'default/web:http/TCP']);
  });

  it('another zone of the node chooses endpoints anew', async () => {
    services.set(web());
    const hinted = slice(['10.0.0.1', '10.0.0.2']);
    for (const [at, name] of ['a', 'b'].entries()) hinted.endpoints![at]!.hints = { forZones: [{ name }] };
    slices.set(hinted);
    zone = 'a';
    expect(await served()).toEqual(['10.0.0.1|8080']);
    zone = 'b';
    expect(await served()).toEqual(['10.0.0.2|8080']);
  });

  it('new addresses of the node give NodePorts anew', async () => {
    services.set(
      testService('web', {
        type: 'NodePort',
        clusterIPs: ['10.96.0.1'],
        ports: [{ port: 80, nodePort: 30080 }] as never,
      }),
    );
    const nodePorts = async () =>
      (await update())
        .get('default/web:/TCP')!
        .frontends.filter((frontend) => frontend.kind === 'NodePort')
        .map((frontend) => formatIp(frontend.ip));
    expect(await nodePorts()).toEqual(['10.9.0.1', '127.0.0.1']);
    addresses = ['10.9.0.1', '10.9.0.2'];
    expect(await nodePorts()).toEqual(['10.9.0.1', '10.9.0.2', '127.0.0.1']);
  });
});

describe('the way from socket to socket', () => {
  const wanted = async () => {
    const { ports, shortcuts } = await tracker.update(() => undefined);
    return [ports.get('default/web:http/TCP')?.shortcut, shortcuts];
  };
  const annotated = <T extends Service | Namespace>(object: T, value?: string): T => {
    const annotations = { ...(value && { 'tendril.dev/socket-shortcut': value }) };
    return { ...object, metadata: { ...object.metadata, annotations } };
  };
  const namespace = (value?: string) => {
    const { namespace: _, ...metadata } = web().metadata;
    return annotated({ metadata: { ...metadata, name: 'default' } } as Namespace, value);
  };

  it('is asked for by a Service, or by its Namespace where it says nothing itself', async () => {
    services.set(web());
    slices.set(slice(['10.0.0.1']));
    expect(await wanted()).toEqual([false, false]);
    namespaces.set(namespace('enabled'));
    expect(await wanted()).toEqual([true, true]);
    services.set(annotated(web(), 'disabled'));
    expect(await wanted()).toEqual([false, false]);
    namespaces.set(namespace());
    services.set(annotated(web(), 'enabled'));
    expect(await wanted()).toEqual([true, true]);
    services.remove('default/web');
    expect(await wanted()).toEqual([undefined, false]);
  });

  it('changes nothing where a Namespace changes otherwise', async () => {
    services.set(web());
    namespaces.set(namespace('enabled'));
    await wanted();
    const before = dirty;
    namespaces.set(namespace('enabled'));
    expect(dirty).toBe(before);
  });
});
