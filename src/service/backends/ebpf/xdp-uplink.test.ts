import { expect, it } from 'vitest';
import type { AttachPoint, BpfObject } from '../../../linux/bpf/bpf.ts';
import { FakeBpf } from '../../../linux/bpf/fake-bpf.ts';
import { errno, KernelError } from '../../../linux/errno.ts';
import { type XdpSetting, XdpUplink } from './xdp-uplink.ts';

/** Pins of links, and how the driver answers. */
function rig(refuses: (mode: string) => number | undefined = () => undefined) {
  const pins = new Map<string, AttachPoint>();
  const object = {
    attach: (_program: string, at: AttachPoint, pin: string) => {
      const number = at.type === 'xdp' ? refuses(at.mode) : undefined;
      if (number !== undefined) throw new KernelError(number, 'attach xdp_uplink to', 'interface 2 (xdp)');
      pins.set(pin, at);
    },
    [Symbol.dispose]: () => {},
  } as unknown as BpfObject;
  const bpf = Object.assign(new FakeBpf({}), { detach: (pin: string) => pins.delete(pin) });
  const ensure = (setting: XdpSetting) => {
    const xdp = new XdpUplink({
      bpf,
      ifindex: 2,
      setting,
      load: () => object,
      pin: (mode) => `/pins/${mode}`,
    });
    xdp.ensure();
    return xdp.status();
  };
  return { pins, ensure };
}

it('has the program of the mode that is set, and of no other', () => {
  const { pins, ensure } = rig();
  expect(ensure('off')).toEqual({ mode: 'off' });
  expect(pins.size).toBe(0);
  for (const mode of ['native', 'native', 'generic', 'native'] as const) {
    expect(ensure(mode)).toEqual({ mode });
    expect([...pins]).toEqual([[`/pins/${mode}`, { type: 'xdp', ifindex: 2, mode }]]);
  }
  expect(ensure('off')).toEqual({ mode: 'off' });
  expect(pins.size).toBe(0);
});

it.each([
  ['a driver without it', errno.EOPNOTSUPP, /set the agent’s xdp to "generic" or "off"/],
  ['an MTU that is too large for it', errno.EINVAL, /none at this MTU/],
  ['a program of another', errno.EBUSY, /remove the XDP program that another/],
])('goes on without where %s refuses, and says what to do', (_, number, remedy) => {
  const { pins, ensure } = rig((mode) => (mode === 'native' ? number : undefined));
  const { mode, problem } = ensure('native');
  expect([mode, pins.size]).toEqual(['off', 0]);
  expect(problem).toMatch(/^XDP in native mode cannot be attached to the uplink: /);
  expect(problem).toMatch(remedy);
  expect(ensure('generic')).toEqual({ mode: 'generic' });
});
