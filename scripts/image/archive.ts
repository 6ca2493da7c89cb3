/**
 * A container image as an archive that runtimes import (`ctr images import`, `podman load`): a tar of an OCI image
 * layout (github.com/opencontainers/image-spec, image-layout.md), gzipped layers, the same bytes from the same content.
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { encodeTar, type TarEntry, withDirectories } from './tar.ts';

export interface Image {
  /** With its tag, as manifests name it. */
  name: string;
  /** As Go names it: amd64, arm64. */
  architecture: string;
  entrypoint: readonly string[];
  /** What follows the entrypoint where a container names no arguments. */
  command?: readonly string[];
  environment: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  /** From the one that changes least. */
  layers: readonly (readonly TarEntry[])[];
  /** 1 is quick, 9, unless given, is small. */
  compression?: number;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

interface Layer extends Descriptor {
  /** Of the archive before it is compressed. */
  diffId: string;
}

const mediaType = (what: string): string => `application/vnd.oci.image.${what}`;

/** SHA-256, as registries write it. */
export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Of one image or several; a layer that some have alike is there once.
 * @throws RangeError for a path that a tar archive has no room for
 */
export function encodeArchive(...images: readonly Image[]): Buffer {
  const blobs = new Map<string, Buffer>();
  const layers = new Map<Image['layers'][number], Layer>();
  const add = (what: string, bytes: Buffer): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType: mediaType(what), digest, size: bytes.length };
  };
  const addLayer = (entries: Image['layers'][number], level: number): Layer => {
    const tar = encodeTar(withDirectories(entries));
    const layer = { diffId: digestOf(tar), ...add('layer.v1.tar+gzip', gzipSync(tar, { level })) };
    layers.set(entries, layer);
    return layer;
  };
  const manifests = images.map((image) => {
    const own = image.layers.map(
      (entries) => layers.get(entries) ?? addLayer(entries, image.compression ?? 9),
    );
    const config = add(
      'config.v1+json',
      json(
        configOf(
          image,
          own.map(({ diffId }) => diffId),
        ),
      ),
    );
    const manifest = add(
      'manifest.v1+json',
      json({
        ...{ schemaVersion: 2, mediaType: mediaType('manifest.v1+json'), config },
        layers: own.map(({ diffId: _, ...descriptor }) => descriptor),
      }),
    );
    return { ...manifest, platform: platformOf(image), annotations: annotationsOf(image) };
  });
  const index = { schemaVersion: 2, mediaType: mediaType('index.v1+json'), manifests };
  return encodeTar(layout(index, blobs));
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const platformOf = ({ architecture }: Image) => ({ architecture, os: 'linux' });

/** containerd takes the first as the image's name, others the second as its tag. */
const annotationsOf = ({ name }: Image) => ({
  'io.containerd.image.name': name,
  'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
});

function configOf(image: Image, diffIds: string[]) {
  return {
    created: '1970-01-01T00:00:00Z',
    ...platformOf(image),
    config: {
      ...(image.entrypoint.length > 0 && { Entrypoint: image.entrypoint }),
      ...(image.command && { Cmd: image.command }),
      Env: Object.entries(image.environment).map(([name, value]) => `${name}=${value}`),
      Labels: image.labels,
    },
    rootfs: { type: 'layers', diff_ids: diffIds },
  };
}

function layout(index: unknown, blobs: ReadonlyMap<string, Buffer>): TarEntry[] {
  const files = new Map([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json(index)],
    ...[...blobs].map(([digest, bytes]) => [`blobs/${digest.replace(':', '/')}`, bytes] as const),
  ]);
  return [...files].map(([path, body]) => ({ path, type: 'file', mode: 0o644, body }));
}
