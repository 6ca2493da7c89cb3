/** From a workload's template to a pod, and the hash that names a template's version. */
import { stableJson } from '../../../kube/deep-equal.ts';
import type { KubeObject, NewObject, OwnerReference } from '../../../kube/meta.ts';
import type { Pod, PodTemplateSpec } from '../../../kube/types.ts';

/** The reference by which `owner` controls an object. */
export function controllerReference(
  owner: KubeObject,
  type: { apiVersion: string; kind: string },
): OwnerReference {
  const { name, uid } = owner.metadata;
  return { ...type, name, uid, controller: true, blockOwnerDeletion: true };
}

/** A pod of a template, without a name. */
export function podOf(
  template: PodTemplateSpec,
  { namespace, owner }: { namespace: string | undefined; owner: OwnerReference },
): Omit<NewObject<Pod>, 'metadata'> & { metadata: Partial<Pod['metadata']> } {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      namespace,
      labels: { ...labels },
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }),
      ownerReferences: [owner],
    },
    spec: structuredClone(template.spec!),
  };
}

const hashes = new WeakMap<object, string>();
/** Kubernetes' own alphabet: no vowels, so that no word comes out. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A short name of a template's content. `ignore` is the label that carries the name itself. */
export function templateHash(template: PodTemplateSpec, ignore: string): string {
  let hash = hashes.get(template);
  if (hash === undefined) {
    const { [ignore]: _, ...labels } = template.metadata?.labels ?? {};
    const metadata = { labels, annotations: template.metadata?.annotations ?? {} };
    hash = shortHash(stableJson({ metadata, spec: template.spec }));
    hashes.set(template, hash);
  }
  return hash;
}

/** FNV-1a, 32 bits, in letters that are safe in names. */
export function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return [...String(hash)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('');
}
