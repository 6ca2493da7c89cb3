/**
 * The lab's certificate authority: the server's certificate, and one for each client. X.509 v3 (RFC 5280) with
 * ECDSA P-256, written out here: it is little, and a library would take longer to load than the lab's API server.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { tryParseIp } from '../../../net/ip.ts';
import {
  bitString,
  boolean,
  integer,
  octetString,
  oid,
  pem,
  sequence,
  set,
  tagged,
  time,
  utf8,
} from './der.ts';

const dayMs = 86_400_000;
const validDays = 3650;

const ids = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKey: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
};

/** PEM both. */
export interface Certificate {
  certificate: string;
  key: string;
}

export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  /** A server's certificate for these DNS names and IP addresses. */
  serverCertificate(names: readonly string[]): Certificate;
  /** A client's certificate: user name and groups, as Kubernetes reads them from the subject. */
  clientCertificate(user: string, groups?: readonly string[]): Certificate;
}

/** Names by which pods and the machine itself reach the API server; its addresses come on top. */
export function apiServerNames(clusterDomain: string): string[] {
  const service = 'kubernetes.default.svc';
  const inCluster = ['kubernetes', 'kubernetes.default', service, `${service}.${clusterDomain}`];
  return [...inCluster, 'localhost', '127.0.0.1', '::1'];
}

export const adminUser = 'kubernetes-admin';
export const adminGroups = ['system:masters'];
export const nodeGroups = ['system:nodes'];
export const nodeUser = (node: string): string => `system:node:${node}`;

type Subject = [id: string, value: string][];

const algorithm = sequence(oid(ids.ecdsaWithSha256));

/** Each attribute in a set of its own, in the given order. */
function distinguishedName(subject: Subject): Buffer {
  return sequence(...subject.map(([id, value]) => set(sequence(oid(id), utf8(value)))));
}

function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

/** RFC 5280, 4.2.1.2, method 1, over the whole key information: any unique value will do. */
const keyIdOf = (key: KeyObject): Buffer => createHash('sha1').update(spkiOf(key)).digest();

/** Key usage bits, the first at the left. */
const usages = { digitalSignature: bitString(Buffer.of(0x80), 7), certSign: bitString(Buffer.of(0x84), 2) };

function alternativeNames(names: readonly string[]): Buffer {
  const general = names.map((name) => {
    const ip = tryParseIp(name);
    return ip === undefined ? tagged(0x82, Buffer.from(name)) : tagged(0x87, ip.bytes);
  });
  return extension(ids.alternativeNames, sequence(...general));
}

interface ToBeSigned {
  subject: Subject;
  issuer: Subject;
  publicKey: KeyObject;
  extensions: Buffer[];
}

/** PEM. */
function signedCertificate(
  { subject, issuer, publicKey, extensions }: ToBeSigned,
  issuerKey: KeyObject,
): string {
  const now = Date.now();
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(serial),
    algorithm,
    distinguishedName(issuer),
    sequence(time(new Date(now - dayMs)), time(new Date(now + validDays * dayMs))),
    distinguishedName(subject),
    spkiOf(publicKey),
    tagged(0xa3, sequence(...extensions)),
  );
  return pem('CERTIFICATE', sequence(body, algorithm, bitString(sign('sha256', body, issuerKey))));
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A new authority, in memory. Under a millisecond, as is each certificate. */
export function createCertificateAuthority(name = 'tendril-lab'): CertificateAuthority {
  const ca = newKeys();
  const issuer: Subject = [[ids.commonName, name]];
  const certificate = signedCertificate(
    {
      subject: issuer,
      issuer,
      publicKey: ca.publicKey,
      extensions: [
        extension(ids.basicConstraints, sequence(boolean(true)), true),
        extension(ids.keyUsage, usages.certSign, true),
        extension(ids.subjectKey, octetString(keyIdOf(ca.publicKey))),
      ],
    },
    ca.privateKey,
  );
  const issue = (subject: Subject, purpose: string, more: Buffer[] = []): Certificate => {
    const { publicKey, privateKey } = newKeys();
    const extensions = [
      extension(ids.basicConstraints, sequence(), true),
      extension(ids.keyUsage, usages.digitalSignature, true),
      extension(ids.extendedKeyUsage, sequence(oid(purpose))),
      extension(ids.authorityKey, sequence(tagged(0x80, keyIdOf(ca.publicKey)))),
      ...more,
    ];
    const issued = signedCertificate({ subject, issuer, publicKey, extensions }, ca.privateKey);
    return { certificate: issued, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  };
  return {
    certificate,
    serverCertificate: (names) =>
      issue([[ids.commonName, 'kube-apiserver']], ids.serverAuth, [alternativeNames(names)]),
    clientCertificate: (user, groups = []) =>
      issue(
        [...groups.map((g): [string, string] => [ids.organization, g]), [ids.commonName, user]],
        ids.clientAuth,
      ),
  };
}
