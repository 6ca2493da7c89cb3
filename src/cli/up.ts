/** `tendril up` */
import { resolve } from 'node:path';
import { defaultPodPidsLimit } from '../lab/topology/lab-options.ts';
import { TendrilError } from '../util/errors.ts';
import { defineCommand } from './parser/command.ts';
import { fileOption } from './parser/common-options.ts';
import { requireRoot } from './session/root.ts';
import type { ExternalOptions } from './up/external.ts';
import {
  parseAuthorization,
  parseControllers,
  parseCount,
  parseDuration,
  parseFamilyMode,
  parseXdp,
  splitList,
} from './up/options.ts';

interface ExternalFlags {
  'external-apiserver': boolean;
  kubeconfig?: string | undefined;
  controllers?: string | undefined;
  'egress-socket'?: string | undefined;
  state?: string | undefined;
  authorization?: string | undefined;
}

/** @throws TendrilError USAGE for flags of an external API server without one, or of the lab's own with one */
function externalOptions(flags: ExternalFlags): ExternalOptions | undefined {
  const is = flags['external-apiserver'];
  const wrong = (
    is ? (['state', 'authorization'] as const) : (['kubeconfig', 'controllers', 'egress-socket'] as const)
  ).find((flag) => flags[flag] !== undefined);
  if (wrong !== undefined) {
    const whose = is ? "is of the lab's own API server" : 'needs --external-apiserver';
    throw new TendrilError('USAGE', `--${wrong} ${whose}`);
  }
  if (!is) return undefined;
  return {
    kubeconfig: flags.kubeconfig && resolve(flags.kubeconfig),
    controllers: parseControllers(flags.controllers ?? 'auto'),
    egressSocket: flags['egress-socket'] && resolve(flags['egress-socket']),
  };
}

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
      'external-apiserver': {
        type: 'boolean',
        help: 'no API server of its own: use the one that --kubeconfig names (docs/external-control-plane.md)',
      },
      kubeconfig: {
        type: 'string',
        value: 'FILE',
        help: 'of an administrator of the external API server (default: $KUBECONFIG, or ~/.kube/config)',
      },
      controllers: {
        type: 'string',
        value: 'WHOSE',
        help: "with an external API server: external, lab, or auto: the lab's where nobody holds the lease (default)",
      },
      'egress-socket': {
        type: 'string',
        value: 'FILE',
        help: 'with an external API server: made for its HTTPConnect egress, by which it reaches pods and Services',
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
      'tendril up --external-apiserver --kubeconfig admin.conf -f examples/shop.yaml',
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
    const external = externalOptions(options);
    requireRoot('up');
    const { bringUp } = await import('./up/bring-up.ts');
    return await bringUp({
      lab,
      external,
      files: options.file,
      wait: !options['no-wait'],
      timeoutMs,
      timings: options.timings,
    });
  },
);
