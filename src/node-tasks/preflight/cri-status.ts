/**
 * What a container runtime says of itself, by CRI's Status over its socket (gRPC without TLS): where it looks for CNI
 * configurations and programs. Two messages of k8s.io/cri-api runtime/v1 are all that is spoken.
 */
import { existsSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';

/** Below the node's root, in the kubelet's own order of preference. */
const sockets = [
  '/run/containerd/containerd.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/cri-dockerd.sock',
];

export interface CniDirectories {
  conf: string;
  bin: string;
  /** Who said so; the usual places are taken where nobody did. */
  toldBy?: string;
}

const usual: CniDirectories = { conf: '/etc/cni/net.d', bin: '/opt/cni/bin' };

/** Never throws: a runtime that cannot be asked has the usual directories. */
export async function cniDirectories(host: string): Promise<CniDirectories> {
  for (const path of sockets) {
    if (!existsSync(join(host, path))) continue;
    const told = await askStatus(join(host, path)).then(directoriesOf, () => undefined);
    if (told !== undefined) return { ...told, toldBy: path };
  }
  return usual;
}

/** Of the JSON that containerd has as `config` in the verbose part of its status. */
export function directoriesOf(info: Record<string, string>): CniDirectories | undefined {
  try {
    const { cni } = JSON.parse(info.config ?? '{}') as {
      cni?: { confDir?: string; binDir?: string; binDirs?: string[] };
    };
    const bin = cni?.binDirs?.[0] || cni?.binDir;
    return cni?.confDir && bin ? { conf: cni.confDir, bin } : undefined;
  } catch {
    return undefined;
  }
}

const timeoutMs = 5_000;

async function askStatus(socketPath: string): Promise<Record<string, string>> {
  const session = connectHttp2('http://localhost', { createConnection: () => connect(socketPath) });
  try {
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, string>>();
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/runtime.v1.RuntimeService/Status',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.setTimeout(timeoutMs, () => reject(new Error('the runtime does not answer')));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      try {
        resolve(decodeStatus(Buffer.concat(chunks).subarray(5)));
      } catch (error) {
        reject(error);
      }
    });
    // StatusRequest { bool verbose = 1 }, in a gRPC frame (1 byte flags, 4 bytes length).
    stream.end(Buffer.of(0, 0, 0, 0, 2, 0x08, 0x01));
    return await promise;
  } finally {
    session.destroy();
  }
}

/** StatusResponse { RuntimeStatus status = 1; map<string, string> info = 2 }: the map. @throws RangeError */
export function decodeStatus(message: Buffer): Record<string, string> {
  const entries = fieldsOf(message).flatMap(({ number, body }) => {
    if (number !== 2) return [];
    const parts = fieldsOf(body);
    const text = (wanted: number) => parts.find((part) => part.number === wanted)?.body.toString() ?? '';
    return [[text(1), text(2)] as const];
  });
  return Object.fromEntries(entries);
}

/** Those of wire type 2 (length-delimited); others are passed over. */
function fieldsOf(message: Buffer): { number: number; body: Buffer }[] {
  const fields: { number: number; body: Buffer }[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message.readUInt8(at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else {
      const length = varint();
      if (kind !== 2 || at + length > message.length) throw new RangeError('no protobuf message');
      fields.push({ number: tag >>> 3, body: message.subarray(at, at + length) });
      at += length;
    }
  }
  return fields;
}
