import { expect, test } from 'vitest';
import { socketStates } from '../linux/sock-diag/sock-diag.ts';
import { parseIp } from '../net/ip.ts';
import { connectionsAmong } from './pod-connections.ts';

const at = (text: string, port: number) => ({ ip: parseIp(text), port });
const nobody = at('::', 0);

test('who was called and who calls is told by who listens', () => {
  const own = [parseIp('10.0.0.1'), parseIp('fd00::1')];
  const sockets = [
    { state: socketStates.LISTEN, local: at('::', 80), remote: nobody },
    { state: socketStates.ESTABLISHED, local: at('10.0.0.1', 80), remote: at('10.0.0.2', 4000) },
    { state: socketStates.CLOSE_WAIT, local: at('fd00::1', 5000), remote: at('fd00::2', 80) },
    // Within the pod, by a Service's way back to itself, or over.
    { state: socketStates.ESTABLISHED, local: at('127.0.0.1', 80), remote: at('127.0.0.1', 4000) },
    { state: socketStates.SYN_SENT, local: at('10.0.0.1', 5001), remote: at('10.0.0.3', 80) },
  ];
  expect(connectionsAmong(sockets, own)).toEqual([
    { direction: 'ingress', client: at('10.0.0.2', 4000), server: at('10.0.0.1', 80) },
    { direction: 'egress', client: at('fd00::1', 5000), server: at('fd00::2', 80) },
  ]);
});
