/** grpc.health.v1.Health/Check over HTTP/2 without TLS, as kubelet's grpc probe: SERVING is a success. */
import { connect as connectHttp2 } from 'node:http2';
import type { Dial, ProbeResult } from './http-probe.ts';

const serving = 1;

export interface GrpcTarget {
  host: string;
  port: number;
  service: string;
}

export async function grpcProbe(target: GrpcTarget, dial: Dial, timeoutMs: number): Promise<ProbeResult> {
  const socket = await dial({ ip: target.host, port: target.port, timeoutMs });
  const session = connectHttp2('http://probe', { createConnection: () => socket });
  try {
    const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/1.36',
    });
    stream.setTimeout(timeoutMs, () =>
      reject(new Error(`timeout: health rpc did not complete within ${timeoutMs}ms`)),
    );
    const chunks: Buffer[] = [];
    let status = '';
    stream.on('response', (headers) => (status = String(headers['grpc-status'] ?? '')));
    stream.on('trailers', (trailers) => (status = String(trailers['grpc-status'] ?? status)));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => resolve(verdict(status, Buffer.concat(chunks))));
    stream.end(encodeRequest(target.service));
    return await promise;
  } finally {
    session.destroy();
    socket.destroy();
  }
}

/** HealthCheckRequest { string service = 1 } in a gRPC frame (1 byte flags, 4 bytes length). */
export function encodeRequest(service: string): Buffer {
  const text = Buffer.from(service);
  const message = text.length === 0 ? text : Buffer.concat([Buffer.of(0x0a), varint(text.length), text]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) return Buffer.from(bytes);
  }
}

/** HealthCheckResponse { ServingStatus status = 1 }: 0 unknown, 1 serving, 2 not serving. */
function verdict(status: string, body: Buffer): ProbeResult {
  if (status !== '0') {
    const unimplemented = 'this server does not implement the grpc health protocol (grpc.health.v1.Health)';
    return {
      ok: false,
      message: status === '12' ? unimplemented : `health rpc failed: grpc-status ${status}`,
    };
  }
  const health = body.length >= 7 && body[5] === 0x08 ? body[6] : 0;
  if (health === serving) return { ok: true, message: 'service healthy' };
  return { ok: false, message: `service unhealthy (responded with status ${health})` };
}
