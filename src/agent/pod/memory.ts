/** What an agent learned at its last start, for one without the API: the datapath must come back with the node. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type AgentConfig, validateAgentConfig } from '../config.ts';

export interface Learned {
  server: string;
  config: AgentConfig;
}

/** Undefined where there is none, and where it cannot be used. */
export function recall(path: string): Learned | undefined {
  try {
    const { server, config } = JSON.parse(readFileSync(path, 'utf8'));
    return typeof server === 'string' ? { server, config: validateAgentConfig(config) } : undefined;
  } catch {
    return undefined;
  }
}

export function remember(path: string, learned: Learned): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, JSON.stringify(learned), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
