/** Image references as container runtimes read them: `[registry/]repository[:tag][@digest]`. */

export interface ImageName {
  /** `docker.io` where the reference names none. */
  registry: string;
  /** Without `library/`, which Docker Hub's own images carry. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
}

/** A first component is a registry when it has a dot or a port, or is `localhost`. */
function isRegistry(component: string): boolean {
  return component === 'localhost' || /[.:]/.test(component);
}

export function parseImageName(reference: string): ImageName {
  const [named = '', digest] = reference.split('@', 2);
  const slash = named.indexOf('/');
  const first = slash < 0 ? '' : named.slice(0, slash);
  const registry = isRegistry(first) ? first.replace('index.docker.io', 'docker.io') : 'docker.io';
  const rest = isRegistry(first) ? named.slice(slash + 1) : named;
  const colon = rest.lastIndexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  return {
    registry,
    repository: path.replace(/^(docker\/)?library\//, ''),
    tag: colon < 0 ? undefined : rest.slice(colon + 1),
    digest,
  };
}
