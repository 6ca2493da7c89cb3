import { describe, expect, it } from 'vitest';
import { planAfter, planBefore, planSysctlReturn } from './former-sysctls.ts';

const values = (entries: Record<string, string>) => new Map(Object.entries(entries));

describe('what is remembered of kernel parameters', () => {
  it('is, before a change, what all of them are that may change', () => {
    expect(planBefore({}, values({ a: '0', b: '5' }))).toEqual({ a: { former: '0' }, b: { former: '5' } });
  });

  it('is, after it, what each became, also where it stayed', () => {
    const planned = planBefore({}, values({ a: '0', b: '5' }));
    expect(planAfter(planned, values({ a: '1', b: '5' }))).toEqual({
      a: { former: '0', set: '1' },
      b: { former: '5', set: '5' },
    });
  });

  it('is what was so before the first change, whatever the agent does later', () => {
    const first = { a: { former: '0', set: '1' } };
    expect(planBefore(first, values({ a: '1' }))).toEqual(first);
    expect(planAfter(first, values({ a: '2' }))).toEqual({ a: { former: '0', set: '2' } });
  });

  it('keeps what another uplink was told', () => {
    const earlier = { 'eth0.rp_filter': { former: '1', set: '0' } };
    const planned = planBefore(earlier, values({ 'eth1.rp_filter': '2' }));
    expect(planAfter(planned, values({ 'eth1.rp_filter': '0' }))).toEqual({
      ...earlier,
      'eth1.rp_filter': { former: '2', set: '0' },
    });
  });
});

describe('giving back', () => {
  const changes = { a: { former: '0', set: '1' }, b: { former: '5', set: '6' } };

  it('writes the former values in the order in which they were changed', () => {
    const { write } = planSysctlReturn(changes, values({ b: '6', a: '1' }));
    expect(Object.entries(write)).toEqual([
      ['a', '0'],
      ['b', '5'],
    ]);
  });

  it('leaves what somebody else has changed since, and tells of it', () => {
    expect(planSysctlReturn(changes, values({ a: '2', b: '6' }))).toEqual({ write: { b: '5' }, kept: ['a'] });
  });

  it('says nothing of what is as before, or gone with its interface', () => {
    expect(planSysctlReturn(changes, values({ a: '0' }))).toEqual({ write: {}, kept: [] });
  });

  it('does so too where the agent ended between remembering and changing', () => {
    expect(planSysctlReturn({ a: { former: '0' } }, values({ a: '1' })).write).toEqual({ a: '0' });
  });
});
