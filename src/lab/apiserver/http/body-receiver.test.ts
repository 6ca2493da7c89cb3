import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { receiveBody } from './body-receiver.ts';

const limits = { bytes: 5, ms: 60_000 };
let message: IncomingMessage;

beforeEach(() => {
  message = new IncomingMessage(new Socket());
});
afterEach(() => vi.useRealTimers());

describe('a body', () => {
  test('comes whole, in however many parts', async () => {
    const received = receiveBody(message, limits);
    message.push('ab');
    message.push('cde');
    message.push(null);
    expect(String(await received)).toBe('abcde');
  });

  test('that is longer than it may be is not waited for, and the connection stays for the answer', async () => {
    const received = receiveBody(message, limits);
    message.push('abc');
    message.push('def');
    await expect(received).rejects.toMatchObject({ status: { code: 413 } });
    expect(message.destroyed).toBe(false);
    expect(message.listenerCount('data')).toBe(0);
  });

  test('that says so itself is not read at all', async () => {
    message.headers['content-length'] = '6';
    await expect(receiveBody(message, limits)).rejects.toMatchObject({ status: { code: 413 } });
  });

  test('that never ends is given up', async () => {
    vi.useFakeTimers();
    const received = receiveBody(message, limits);
    message.push('abc');
    vi.advanceTimersByTime(limits.ms);
    await expect(received).rejects.toMatchObject({ status: { code: 504, reason: 'Timeout' } });
  });

  test('whose client goes is an error', async () => {
    const received = receiveBody(message, limits);
    message.destroy();
    await expect(received).rejects.toThrow('the client has closed the connection');
  });
});
