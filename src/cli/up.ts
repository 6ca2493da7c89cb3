/** `tendril up` */
import { resolve } from 'node:path';
import { defaultPodPidsLimit } from '../lab/topology/lab-options.ts';
import { defineCommand } from './parser/command.ts';
import { fileOption } from './parser/common-options.ts';
import { requireRoot } from './session/root.ts';
import {
  parseAuthorization,
  parseCount,
  parseDuration,
  parseFamilyMode,
  parseXdp,
  splitList,
} from './up/options.ts';

export const up = defineCommand(
  {
    name: 'up',
    summary:
      'Brings up a lab: nodes, pod network, Services, DNS, and the Kubernetes API; then applies manifests and waits until their pods are Ready.',
    usage: ['up [-f FILE|DIR|-]… [--nodes 3] [--ip-family dual|ipv4|ipv6] [--timeout 60s]'],
    options: {
      file: fileOption,
      nodes: { type: 'string', value: 'N', help: 'how many nodes (default: 3, at most 100)' },
      'ip-family': { type: 'string', value: 'FAMILY', help: 'dual, ipv4 or ipv6 (default: dual)' },
      'pod-cidr': {
        type: 'string',
        multiple: true,
        value: 'CIDR',
        help: 'one per family (default: 10.244.0.0/16,fd00:10:244::/56)',
      },
      'service-cidr': {
        type: 'string',
        multiple: true,
        value: 'CIDR',
        help: 'one per family (default: 10.96.0.0/16,fd00:10:96::/112)',
      },
      timeout: {
        type: 'string',
        value: 'DURATION',
        help: 'how long pods may take to become Ready (default: 60s)',
      },
      'no-wait': { type: 'boolean', help: 'do not wait for pods' },
      state: {
        type: 'string',
        value: 'DIR',
        help: 'keep the objects of the API here: the next lab with this directory begins with them',
      },
      authorization: {
        type: 'string',
        value: 'MODE',
        help: 'rbac, or always-allow: who has a certificate or token of the lab may do everything (default)',
      },
      xdp: {
        type: 'string',
        value: 'MODE',
        help: 'off (default), native or generic: what nodes send on by XDP of connections from outside',
      },
      'fast-probes': { type: 'boolean', help: "ignore the probes' initial delays" },
      'pod-pids-limit': {
        type: 'string',
        value: 'N',
        help: `how many processes and threads a pod may have (default: ${defaultPodPidsLimit})`,
      },
      internet: {
        type: 'boolean',
        help: 'let the lab reach the internet through this machine; undone by down',
      },
      timings: { type: 'boolean', help: 'show where the time went' },
    },
    words: { min: 0, max: 0 },
    examples: [
      'tendril up -f examples/shop.yaml',
      'tendril up --nodes 5 --ip-family ipv6 --name v6',
      'kustomize build | tendril up -f -',
    ],
  },
  async ({ name, options }) => {
    const timeoutMs = parseDuration('--timeout', options.timeout ?? '60s');
    const lab = {
      name,
      nodes: parseCount('--nodes', options.nodes ?? '3'),
      ipFamily: parseFamilyMode(options['ip-family'] ?? 'dual'),
      podCidrs: splitList(options['pod-cidr']),
      serviceCidrs: splitList(options['service-cidr']),
      fastProbes: options['fast-probes'],
      state: options.state && resolve(options.state),
      authorization: parseAuthorization(options.authorization ?? 'always-allow'),
      podPidsLimit: parseCount('--pod-pids-limit', options['pod-pids-limit'] ?? String(defaultPodPidsLimit)),
      xdp: parseXdp(options.xdp ?? 'off'),
      internet: options.internet,
    };
    requireRoot('up');
    const { bringUp } = await import('./up/bring-up.ts');
    return await bringUp({
      lab,
      files: options.file,
      wait: !options['no-wait'],
      timeoutMs,
      timings: options.timings,
    });
  },
);
