/** Options that several commands have: one letter, one placeholder and one meaning everywhere. */
import type { OptionSpec } from './command.ts';

export const fileOption = {
  type: 'string',
  short: 'f',
  multiple: true,
  value: 'FILE',
  help: 'manifest, directory of manifests, or - for standard input',
} as const satisfies OptionSpec;

export const containerOption = {
  type: 'string',
  short: 'c',
  value: 'CONTAINER',
  help: "which container (default: the pod's first)",
} as const satisfies OptionSpec;

/** `help` says what is in the namespace, and which one is meant where none is named. */
export const namespaceOption = (help: string) =>
  ({ type: 'string', short: 'n', value: 'NAMESPACE', help }) as const satisfies OptionSpec;

/** `help` names the formats that there are besides the plain text. */
export const outputOption = (help: string) =>
  ({ type: 'string', short: 'o', value: 'FORMAT', help }) as const satisfies OptionSpec;

export const nodeOption = (help: string) =>
  ({ type: 'string', value: 'NODE', help }) as const satisfies OptionSpec;

/** A cluster that is no lab: which one. */
export const clusterOptions = {
  kubeconfig: {
    type: 'string',
    value: 'FILE',
    help: 'how to reach the cluster (default: $KUBECONFIG, or ~/.kube/config)',
  },
  context: {
    type: 'string',
    value: 'CONTEXT',
    help: "which one of the kubeconfig's (default: its current one)",
  },
} as const satisfies Record<string, OptionSpec>;

/** For what works on a lab unless told of another cluster. */
export const sessionOptions = {
  kubeconfig: {
    ...clusterOptions.kubeconfig,
    help: "of another cluster than the lab (with --context alone: $KUBECONFIG's, or ~/.kube/config)",
  },
  context: clusterOptions.context,
} as const satisfies Record<string, OptionSpec>;

/** What every command takes besides its own. */
export const everywhere = {
  name: {
    type: 'string',
    value: 'NAME',
    help: 'the lab to work on (default: lab); accepted anywhere before --',
  },
  help: { type: 'boolean', short: 'h', help: 'show this text' },
} as const satisfies Record<string, OptionSpec>;
