/** The image's name, as the manifests and the archive have it: the runtime looks for the one by the other. */
export function imageName(version: string): string {
  return `docker.io/tendril/tendril:${version}`;
}
