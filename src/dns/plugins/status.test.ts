/** health, ready and prometheus: what they show over HTTP. */
import { describe, expect, test } from 'vitest';
import { responseCodes } from '../message/constants.ts';
import { replyTo } from '../message/message.ts';
import { serveCorefile } from '../testing/corefile.ts';
import { plugins } from './order.ts';

test('health says OK, and makes the process serve on for the lame-duck time', async () => {
  const { configuration, http } = serveCorefile('. {\n health :8081 {\n  lameduck 5s\n }\n}');
  expect(configuration.lingerMs).toBe(5000);
  await configuration.start();
  expect(http.get(':8081/health')).toEqual({ status: 200, body: 'OK' });
  await configuration.close();
  expect(http.get(':8081/health')).toBeUndefined();
});

test('health asks itself every second, and counts what goes wrong', async () => {
  const { configuration, http, clock, metrics, lines } = serveCorefile('. {\n health :8081\n}');
  await configuration.start();
  const second = async () => {
    clock.advance(1000);
    await new Promise(setImmediate);
  };
  await second();
  await second();
  expect(metrics.render()).toContain('coredns_health_request_duration_seconds_count 2\n');
  expect(metrics.render()).toContain('coredns_health_request_failures_total 0\n');
  const { ask } = http;
  http.ask = () => Promise.reject(new Error('nobody'));
  await second();
  http.ask = ask;
  expect(metrics.render()).toContain('coredns_health_request_duration_seconds_count 3\n');
  expect(metrics.render()).toContain('coredns_health_request_failures_total 1\n');
  expect(lines).toEqual(['warn the own health check failed']);
  await configuration.close();
  await second();
  expect(metrics.render()).toContain('coredns_health_request_duration_seconds_count 3\n');
});

describe('ready', () => {
  function withPlugins(monitor: string) {
    const state = { one: false, two: true, stopping: false };
    const plugin = (name: 'one' | 'two') => ({ name, setup: () => ({ ready: () => state[name] }) });
    const served = serveCorefile(`. {\n ready {\n  ${monitor}\n }\n one\n}\norg {\n two\n}`, {
      context: {
        plugins: [...plugins.filter(({ name }) => name === 'ready'), plugin('one'), plugin('two')],
        stopping: () => state.stopping,
      },
    });
    return { ...served, state, ready: () => served.http.get(':8181/ready')! };
  }

  test('names the plugins of all blocks that are not', async () => {
    const { configuration, state, ready } = withPlugins('');
    await configuration.start();
    expect(ready()).toEqual({ status: 503, body: 'one' });
    state.one = true;
    expect(ready()).toEqual({ status: 200, body: 'OK' });
    state.two = false;
    expect(ready().status).toBe(200);
    state.stopping = true;
    expect(ready()).toEqual({ status: 503, body: 'Shutting down' });
  });

  test('asks them again and again where it is to', async () => {
    const { configuration, state, ready } = withPlugins('monitor continuously');
    await configuration.start();
    state.one = true;
    expect(ready().status).toBe(200);
    state.two = false;
    expect(ready()).toEqual({ status: 503, body: 'two' });
  });
});

test('prometheus counts by listener, zone, type, rcode and the plugin that answered', async () => {
  const { configuration, http, ask } = serveCorefile('. example.org {\n prometheus :9153\n local\n last\n}', {
    last: ({ message, name }) => {
      if (name === 'throws.org') throw new Error('no route');
      return replyTo(message, { rcode: responseCodes.NXDOMAIN });
    },
  });
  await configuration.start();
  await ask('www.example.org', 'SRV');
  await ask('www.example.org', 'SRV', { client: { address: 'fd00::1', port: 1 }, transport: 'tcp' });
  await ask('localhost', 'A');
  await expect(ask('throws.org')).rejects.toThrow();
  const text = http.get(':9153/metrics')!.body;
  const of = (zone: string) => `server="dns://:53",zone="${zone}",view=""`;
  for (const line of [
    `coredns_dns_requests_total{${of('example.org.')},proto="udp",family="1",type="SRV"} 1`,
    `coredns_dns_requests_total{${of('example.org.')},proto="tcp",family="2",type="SRV"} 1`,
    `coredns_dns_responses_total{${of('example.org.')},rcode="NXDOMAIN",plugin="last"} 2`,
    `coredns_dns_responses_total{${of('.')},rcode="NOERROR",plugin="local"} 1`,
    `coredns_dns_responses_total{${of('.')},rcode="SERVFAIL",plugin="last"} 1`,
    `coredns_dns_request_duration_seconds_count{${of('.')}} 2`,
    `coredns_dns_request_size_bytes_sum{${of('example.org.')},proto="udp"} 33`,
    `coredns_plugin_enabled{${of('example.org.')},name="local"} 1`,
  ])
    expect(text).toContain(`${line}\n`);
});
