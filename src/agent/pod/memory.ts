/**
 * What an agent learned of the API at its last start, for one without it: the datapath must come back with the node.
 * Only what the API said: what follows from it for this machine and these settings is found anew.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Learned {
  /** Of whom it is: disks are copied. */
  nodeName: string;
  /** That answered. */
  server: string;
  /** The Node's InternalIPs. */
  internalIps: string[];
  /** Of the ServiceCIDR that the API server makes; none where the cluster does not tell. */
  serviceCidrs: string[];
}

/** Of the file; a later shape has another one. */
const version = 1;

/** Undefined where there is nothing of this node's, and where it cannot be used. */
export function recall(path: string, nodeName: string): Learned | undefined {
  try {
    const { version: of, ...learned } = JSON.parse(readFileSync(path, 'utf8'));
    return of === version && isLearned(learned) && learned.nodeName === nodeName ? learned : undefined;
  } catch {
    return undefined;
  }
}

export function remember(path: string, learned: Learned): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, JSON.stringify({ version, ...learned }), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function isLearned(value: Record<string, unknown>): value is Learned & Record<string, unknown> {
  const isText = (each: unknown) => typeof each === 'string' && each !== '';
  const isTexts = (each: unknown) => Array.isArray(each) && each.every(isText);
  const { nodeName, server, internalIps, serviceCidrs } = value;
  return isText(nodeName) && isText(server) && isTexts(internalIps) && isTexts(serviceCidrs);
}
