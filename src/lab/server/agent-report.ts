/** What an agent says on its status port, asked through its node's namespace. */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { openNetns } from '../../linux/netns/netns.ts';
import { connectTcp } from '../../linux/netns/sockets.ts';
import { parseIp } from '../../net/ip.ts';
import { agentStatusPort } from './agents.ts';

export interface AgentReport {
  /** A complete state is in the kernel. */
  programmed: boolean;
  services: number;
  /** Newest resourceVersion of Services and EndpointSlices that is in force, where the agent tells. */
  revision?: string;
  lastError?: string;
  /** Why the kernel leaves questions to cluster DNS to the servers; undefined where it answers. */
  dnsByServers?: string;
  /** Questions of pods to cluster DNS so far; absent where the kernel answers none. */
  dnsQuestions?: { byKernel: number; byServers: number };
  /** What keeps NetworkPolicies from being in force. */
  policyProblem?: string;
}

const timeoutMs = 2_000;

/** @throws Error when the agent does not answer */
export async function fetchAgentReport(netnsPath: string, ip: string): Promise<AgentReport> {
  return readReport((await askAgent(netnsPath, ip, '/status')) as Record<string, unknown>);
}

/** The JSON at a path. @throws Error when the agent does not answer */
export async function askAgent(netnsPath: string, ip: string, path: string): Promise<unknown> {
  using netns = openNetns(netnsPath);
  const socket = await connectTcp(netns, { ip: parseIp(ip), port: agentStatusPort, timeoutMs });
  return JSON.parse(await get(socket, path));
}

/** Pure: the fields of the agent's own document that matter here. */
export function readReport(document: Record<string, unknown>): AgentReport {
  const services = (document.services ?? {}) as {
    synced?: boolean;
    services?: number;
    lastError?: string;
    revision?: string;
  };
  const { problem: policyProblem } = (document.policy ?? {}) as { problem?: string };
  return {
    ...(policyProblem !== undefined && { policyProblem }),
    programmed: services.synced ?? false,
    services: services.services ?? 0,
    revision: services.revision,
    lastError: services.lastError,
    ...dnsOf(document.dns as DnsReport | undefined),
  };
}

interface DnsReport {
  kernel: { answering: boolean; reason?: string };
  counters: { hits: number; empty: number; nameErrors: number; passed: number };
}

function dnsOf(dns: DnsReport | undefined): Pick<AgentReport, 'dnsByServers' | 'dnsQuestions'> {
  if (dns === undefined) return { dnsByServers: 'it is switched off' };
  const { hits, empty, nameErrors, passed } = dns.counters;
  return {
    dnsByServers: dns.kernel.answering ? undefined : dns.kernel.reason,
    dnsQuestions: { byKernel: hits + empty + nameErrors, byServers: passed },
  };
}

function get(socket: Socket, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // Of the whole: a process that is stopped takes the connection and says nothing.
    const signal = AbortSignal.timeout(timeoutMs);
    const fail = (error: Error) =>
      reject(signal.aborted ? new Error(`no answer within ${timeoutMs / 1000} s`) : error);
    const call = request(
      { createConnection: () => socket, host: 'agent', path, signal, headers: { connection: 'close' } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve(text)).on('error', fail);
      },
    );
    call.on('error', fail);
    call.end();
  });
}
