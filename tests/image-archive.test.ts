/** The image archive's format: what a runtime reads of it, and that its bytes depend on the content alone. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { digestOf, encodeArchive, type Image } from '../scripts/image/archive.ts';
import { encodeTar, type TarEntry, withDirectories } from '../scripts/image/tar.ts';

const file = (path: string, text: string): TarEntry => ({
  path,
  type: 'file',
  mode: 0o644,
  body: Buffer.from(text),
});

const image: Image = {
  name: 'docker.io/tendril/tendril:1.2.3',
  architecture: 'amd64',
  entrypoint: ['/bin/tendril'],
  environment: { PATH: '/bin' },
  labels: {},
  layers: [[file('lib/one', 'one')], [file('bin/tendril', 'two')]],
};

/** Names and bodies, by the headers. */
function decodeTar(tar: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; tar[at] !== 0; ) {
    const text = (from: number, to: number) => tar.toString('utf8', at + from, at + to).replace(/\0.*/s, '');
    const size = Number.parseInt(text(124, 136), 8);
    const prefix = text(345, 500);
    files.set(
      prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
      tar.subarray(at + 512, at + 512 + size),
    );
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

describe('a tar archive', () => {
  test('has what it was given, in that order, and ends with two empty blocks', () => {
    const tar = encodeTar([
      file('a', 'text'),
      { path: 'd', type: 'directory', mode: 0o755 },
      file('d/b', ''),
    ]);
    expect([...decodeTar(tar)].map(([name, body]) => [name, body.toString()])).toEqual([
      ['a', 'text'],
      ['d/', ''],
      ['d/b', ''],
    ]);
    expect(tar.subarray(-1024).every((byte) => byte === 0)).toBe(true);
  });

  test('has room for long paths, up to where ustar ends', () => {
    const long = `${'d'.repeat(90)}/${'f'.repeat(90)}`;
    expect([...decodeTar(encodeTar([file(long, 'x')])).keys()]).toEqual([long]);
    expect(() => encodeTar([file('f'.repeat(101), '')])).toThrow(RangeError);
    expect(() => encodeTar([{ path: 'l', type: 'link', target: 't'.repeat(101) }])).toThrow(RangeError);
  });

  test('names directories before what is in them', () => {
    const paths = withDirectories([file('b/c/d', ''), file('a', '')]).map(({ path }) => path);
    expect(paths).toEqual(['a', 'b', 'b/c', 'b/c/d']);
  });
});

describe('an image archive', () => {
  const files = decodeTar(encodeArchive(image));
  const read = (path: string) => JSON.parse(files.get(path)!.toString());
  const blob = (digest: string) => files.get(`blobs/${digest.replace(':', '/')}`)!;
  const manifest = () => JSON.parse(blob(read('index.json').manifests[0].digest).toString());

  test('leads from its index to every blob, each by its digest', () => {
    expect(read('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    const { config, layers } = manifest();
    for (const { digest, size } of [config, ...layers]) {
      expect(digestOf(blob(digest))).toBe(digest);
      expect(blob(digest).length).toBe(size);
    }
    expect(files.size).toBe(2 + 1 + 1 + layers.length);
  });

  test('names the image and its platform', () => {
    const [entry] = read('index.json').manifests;
    expect(entry.annotations['io.containerd.image.name']).toBe(image.name);
    expect(entry.platform).toEqual({ architecture: 'amd64', os: 'linux' });
  });

  test('tells the digests of the layers as they are unpacked', () => {
    const { config, layers } = manifest();
    const tars = layers.map(({ digest }: { digest: string }) => gunzipSync(blob(digest)));
    expect(JSON.parse(blob(config.digest).toString()).rootfs.diff_ids).toEqual(tars.map(digestOf));
    expect([...decodeTar(tars[1]).keys()]).toEqual(['bin/', 'bin/tendril']);
  });

  test('has the same bytes each time, whatever order its files come in', () => {
    const [one, two] = [file('b', '1'), file('a', '2')];
    const archive = (entries: TarEntry[]) => encodeArchive({ ...image, layers: [entries] });
    expect(archive([one, two]).equals(archive([two, one]))).toBe(true);
  });

  test('has several images, and a layer of more than one of them once', () => {
    const [shared, own] = [[file('lib/one', 'one')], [file('two', 'two')]];
    const several = [
      { ...image, layers: [shared] },
      { ...image, name: 'docker.io/tendril/other:1', entrypoint: [], command: ['sh'], layers: [shared, own] },
    ];
    const inIt = decodeTar(encodeArchive(...several));
    const readFrom = (path: string) => JSON.parse(inIt.get(path)!.toString());
    const blobOf = (digest: string) => readFrom(`blobs/${digest.replace(':', '/')}`);
    const manifests = readFrom('index.json').manifests;
    expect(manifests.map((each: typeof manifests) => each.annotations['io.containerd.image.name'])).toEqual(
      several.map(({ name }) => name),
    );
    const [first, second] = manifests.map(({ digest }: { digest: string }) => blobOf(digest));
    expect(second.layers[0]).toEqual(first.layers[0]);
    expect(second.layers).toHaveLength(2);
    expect(blobOf(second.config.digest).config).toMatchObject({ Cmd: ['sh'] });
    expect(blobOf(second.config.digest).config).not.toHaveProperty('Entrypoint');
  });
});
