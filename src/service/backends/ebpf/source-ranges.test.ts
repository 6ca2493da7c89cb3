import { describe, expect, it } from 'vitest';
import type { Service } from '../../../kube/types.ts';
import { testService } from '../../testing-objects.ts';
import { testRig as rig, type TestRig } from './testing-backend.ts';
import { trace } from './testing-datapath.ts';

describe('source ranges', () => {
  const vip = { to: '203.0.113.10', port: 80 };
  const balanced = (ranges: string[]): Service => ({
    ...testService('balanced', {
      ...{ type: 'LoadBalancer', clusterIPs: ['10.96.0.7'], ports: [{ port: 80 }] },
      loadBalancerSourceRanges: ranges,
    }),
    status: { loadBalancer: { ingress: [{ ip: vip.to }] } },
  });
  const count = (r: TestRig) => [...r.at.map('source_ranges').entries()].length;

  it('stay as they are over a restart, and go with their Service', async () => {
    const r = rig();
    r.services.set(balanced(['198.51.100.0/24', '192.0.2.0/25']));
    await r.sync();
    expect(count(r)).toBe(2);
    r.restart();
    expect(await r.writesDuring(r.sync)).toBe(0);
    expect(count(r)).toBe(2);
    r.services.set(balanced(['192.0.2.0/25']));
    await r.sync();
    expect(count(r)).toBe(1);
    r.restart();
    r.services.remove('default/balanced');
    await r.sync();
    expect(count(r)).toBe(0);
  });

  it('that have no room let nobody in', async () => {
    const r = rig({ mapSizes: { source_ranges: 1 } });
    r.services.set(balanced(['198.51.100.0/24', '192.0.2.0/25']));
    await r.sync();
    expect(trace(r.at, vip)).toBe('no service');
    expect(trace(r.at, { to: '10.96.0.7', port: 80 })).toBe('refused');
    expect(r.refusal()?.message).toContain('source_ranges is full');
    r.services.set(balanced(['192.0.2.0/25']));
    await r.sync();
    expect([trace(r.at, vip), r.refusal()]).toEqual(['refused', undefined]);
  });
});
