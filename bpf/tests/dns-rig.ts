/** The DNS program of one pod's veth on maps of its own, and questions put through it by BPF_PROG_TEST_RUN. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AnswerSample, decodeSample } from '../../src/dns/fastpath/samples.ts';
import { ZoneMaps } from '../../src/dns/fastpath/zone-maps.ts';
import { recordTypes } from '../../src/dns/message/constants.ts';
import { decodeMessage, encodeMessage, type Message, newQuery } from '../../src/dns/message/message.ts';
import type { BpfObject } from '../../src/linux/bpf/bpf.ts';
import { kernelBpf } from '../../src/linux/bpf/kernel-bpf.ts';
import { parseIp } from '../../src/net/ip.ts';
import { type PacketBuilder, packet } from '../../src/net/packet.ts';
import { type DecodedPacket, decodePacket } from '../../src/net/packet-decode.ts';
import { objectsDirectory } from './cluster.ts';

export const server = { 4: '10.96.0.10', 6: 'fd00:96::10' } as const;
export const asker = { 4: '10.244.1.2', 6: 'fd00:244:1::2' } as const;
export const zone = { zone: 'cluster.local', ttl: 30, serial: 7, udpBytes: 1232, recursive: true };

export interface Reply {
  packet: DecodedPacket;
  message: Message;
  bytes: Uint8Array;
}

export type TypeName = keyof typeof recordTypes;

export function question(
  name: string,
  type: TypeName | number = 'A',
  fields: Partial<Message> = {},
): Uint8Array {
  const number = typeof type === 'number' ? type : recordTypes[type];
  return encodeMessage(newQuery(0x1234, { name, type: number }, fields));
}

export const edns = (udpBytes: number, dnssecOk = false) => ({
  edns: { udpBytes, version: 0, dnssecOk, options: [] },
});

export class DnsRig implements Disposable {
  readonly maps: ZoneMaps;
  readonly #root = mkdtempSync(join(tmpdir(), 'tendril-dns-'));
  readonly #object: BpfObject;

  constructor(mapSizes: Record<string, number> = {}) {
    execFileSync('mount', ['-t', 'bpf', 'bpf', this.#root]);
    const path = join(objectsDirectory, 'dns.bpf.o');
    this.#object = kernelBpf.load({ path, pinDirectory: join(this.#root, 'dns'), mapSizes });
    this.maps = new ZoneMaps(this.#object);
    this.maps.setServers([parseIp(server[4]), parseIp(server[6])]);
    this.maps.enable(zone);
    // As many packets as a test has.
    this.maps.renew(3_600_000);
  }

  /** The datagram that carries a message to the server. */
  datagram(message: Uint8Array, family: 4 | 6 = 4): PacketBuilder {
    const ethernet = { src: '02:00:00:00:00:0a', dst: '02:00:00:00:00:01' };
    return packet(ethernet).ip(asker[family], server[family]).udp(40_000, 53).payload(message);
  }

  /** The program's reply; undefined where it leaves the question to the server, and then it has not touched it. */
  ask(message: Uint8Array, family: 4 | 6 = 4): Reply | undefined {
    return this.send(this.datagram(message, family).bytes());
  }

  send(data: Uint8Array): Reply | undefined {
    const { retval, data: bytes } = this.#object.program('dns_pod_ingress').testRun({ data });
    if ((retval | 0) === -1) {
      if (Buffer.compare(bytes, data) !== 0) throw new Error('a packet was changed and passed on');
      return undefined;
    }
    if (retval !== 7) throw new Error(`the program returned ${retval}`);
    const decoded = decodePacket(bytes);
    return { packet: decoded, message: decodeMessage(decoded.payload), bytes };
  }

  /** What the kernel has told of its answers since this was asked last. */
  samples(): AnswerSample[] {
    using ring = this.#object.ringBuffer('dns_samples');
    const samples: AnswerSample[] = [];
    ring.drain((record) => samples.push(decodeSample(record)));
    return samples;
  }

  /** ns for one packet, on average. */
  cost(data: Uint8Array, repeat = 100_000): number {
    return this.#object.program('dns_pod_ingress').testRun({ data, repeat }).nsPerRun;
  }

  [Symbol.dispose](): void {
    this.#object.close();
    execFileSync('umount', ['-l', this.#root]);
    rmSync(this.#root, { recursive: true });
  }
}
