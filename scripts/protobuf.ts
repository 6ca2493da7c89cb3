/**
 * Makes src/lab/apiserver/vendor/protobuf-fields.ts: the fields of all kinds that the lab's API server has, as messages
 * of protobuf. Run by hand, with Go on the PATH, when the Kubernetes version changes; the result is committed.
 *
 *     node scripts/protobuf.ts
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { builtInResources } from '../src/lab/apiserver/registry/registry.ts';
import { apiVersionOf } from '../src/lab/apiserver/registry/resource.ts';

const extraKinds = [
  'authentication.k8s.io/v1 SelfSubjectReview',
  'authentication.k8s.io/v1 TokenRequest',
  'authentication.k8s.io/v1 TokenReview',
  'authorization.k8s.io/v1 LocalSubjectAccessReview',
  'authorization.k8s.io/v1 SelfSubjectAccessReview',
  'authorization.k8s.io/v1 SelfSubjectRulesReview',
  'authorization.k8s.io/v1 SubjectAccessReview',
  'autoscaling/v1 Scale',
  'policy/v1 Eviction',
  'v1 Binding',
  'v1 DeleteOptions',
  'v1 Status',
];

const kinds = builtInResources.flatMap((r) => [
  `${apiVersionOf(r)} ${r.kind}`,
  `${apiVersionOf(r)} ${r.listKind}`,
]);
const all = [...new Set([...kinds, ...extraKinds])].sort();

// The module is built elsewhere: Go writes down there what it has fetched.
const module = '.cache/scripts/protobuf-fields';
mkdirSync(module, { recursive: true });
cpSync('scripts/protobuf-fields', module, { recursive: true });
const env = { ...process.env, GOFLAGS: '-mod=mod' };
const messages = execFileSync('go', ['run', '.'], { cwd: module, env, input: all.join('\n') }).toString();

writeFileSync(
  'src/lab/apiserver/vendor/protobuf-fields.ts',
  `/** Kubernetes' kinds as messages of protobuf, v0.36.3 of k8s.io/api; see NOTICE. Made by scripts/protobuf.ts. */

/** \`apps/v1 Deployment\` */
export const kinds = \`
${all.join('\n')}
\`;

/** A message a line: its name, and of each field \`name:number:type\`; read by protobuf/message-types.ts. */
export const messages = \`
${messages}\`;
`,
);
console.log(`${messages.split('\n').length - 1} messages, ${messages.length} bytes`);
