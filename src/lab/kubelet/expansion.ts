/**
 * `$(NAME)` references in env values, command and args: known names are replaced, unknown ones stay as they are, and
 * `$$` is a dollar sign that starts no reference (Kubernetes' third_party/forked/golang/expansion).
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, kind: string, name: string | undefined) => {
    if (kind === '$') return '$';
    return lookup(name!) ?? whole;
  });
}
