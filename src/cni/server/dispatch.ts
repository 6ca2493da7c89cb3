/**
 * From one request's environment and configuration to the handler and back to what the shim prints: versions,
 * validation and the order of calls. Knows no socket.
 */
import { describeError } from '../../util/errors.ts';
import { type Logger, silentLogger } from '../../util/logger.ts';
import { AttachmentLocks } from '../attachment-locks.ts';
import { CniError, type CniErrorObject, cniCodes, toErrorObject } from '../cni-error.ts';
import { type CniParameters, parseParameters, validateNetworkName } from '../parameters.ts';
import { decodeResult, encodeResult } from '../result.ts';
import {
  commandSince,
  compareVersions,
  impliedVersion,
  isSupported,
  latestVersion,
  type PluginConfig,
  supportedVersions,
} from '../spec.ts';
import type { CniAnswer, CniRequest } from './frame.ts';
import type { CniHandler, PodRequest } from './handler.ts';

export interface DispatcherOptions {
  handler: CniHandler;
  logger?: Logger;
}

export type Dispatcher = (request: CniRequest) => Promise<CniAnswer>;

/** Never rejects: a failure is an answer. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { handler, logger = silentLogger } = options;
  const locks = new AttachmentLocks();
  return async (request) => {
    const version = versionOf(request.config);
    const started = performance.now();
    const { CNI_COMMAND: command, CNI_CONTAINERID: container } = request.env;
    try {
      const value = await serve(request, { handler, locks, version });
      logger.debug('CNI call', { command, container, ms: performance.now() - started });
      return { status: 0, output: value === undefined ? '' : JSON.stringify(value) };
    } catch (error) {
      logger.warn('CNI call failed', { command, container, error: describeError(error) });
      return { status: 1, output: JSON.stringify(errorFor(command, toErrorObject(error, version))) };
    }
  };
}

/**
 * containerd takes a DEL whose error says "not found" for a success and forgets the pod: what could not be
 * removed would then stay for good.
 */
function errorFor(command: string | undefined, error: CniErrorObject): CniErrorObject {
  if (command !== 'DEL') return error;
  const reword = (text: string) => text.replace(/not found/gi, 'missing');
  const details = error.details === undefined ? {} : { details: reword(error.details) };
  return { ...error, msg: reword(error.msg), ...details };
}

/** For a failure that comes before there is a request. */
export function failureAnswer(error: unknown): CniAnswer {
  return { status: 1, output: JSON.stringify(toErrorObject(error, latestVersion)) };
}

interface Context {
  handler: CniHandler;
  locks: AttachmentLocks;
  version: string;
}

async function serve(request: CniRequest, context: Context): Promise<unknown> {
  const parameters = parseParameters(request.env);
  if (parameters.command === 'VERSION') return { cniVersion: context.version, supportedVersions };
  const config = checkConfig(request.config, parameters, context.version);
  const { handler, locks } = context;
  switch (parameters.command) {
    case 'STATUS':
      return handler.status();
    case 'GC':
      return locks.alone(() => handler.gc(validAttachments(config)));
    default:
      return locks.withContainer(parameters.containerId, () => servePod(parameters, config, context));
  }
}

async function servePod(parameters: CniParameters, config: PluginConfig, context: Context): Promise<unknown> {
  const { handler, version } = context;
  const request = podRequest(parameters, config);
  if (parameters.command === 'ADD') return encodeResult(await handler.add(request), version);
  if (parameters.command === 'DEL') return handler.del(request);
  const { prevResult } = config;
  return handler.check(request, prevResult === undefined ? undefined : decodeResult(prevResult));
}

function checkConfig(config: unknown, { command }: CniParameters, version: string): PluginConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new CniError(cniCodes.decodingFailure, 'the network configuration is not an object');
  }
  if (!isSupported(version)) {
    throw new CniError(cniCodes.incompatibleVersion, `CNI version ${version} is not supported`, {
      details: `supported are ${supportedVersions.join(', ')}`,
    });
  }
  const since = commandSince[command];
  if (since !== undefined && compareVersions(version, since) < 0) {
    throw new CniError(cniCodes.incompatibleVersion, `${command} needs CNI version ${since}, not ${version}`);
  }
  validateNetworkName((config as PluginConfig).name);
  return config as PluginConfig;
}

function podRequest(parameters: CniParameters, config: PluginConfig): PodRequest {
  const { containerId, ifName, netns, args } = parameters;
  const { K8S_POD_NAMESPACE: namespace, K8S_POD_NAME: name, K8S_POD_UID: uid = '' } = args;
  const request: PodRequest = { containerId, ifName, runtimeConfig: config.runtimeConfig ?? {} };
  if (netns !== undefined) request.netns = netns;
  if (namespace !== undefined && name !== undefined) request.pod = { namespace, name, uid };
  return request;
}

/** @throws CniError 7: without the list everything would be garbage */
function validAttachments(config: PluginConfig): { containerId: string; ifName: string }[] {
  const list = config['cni.dev/valid-attachments'];
  if (!Array.isArray(list)) {
    throw new CniError(cniCodes.invalidNetworkConfig, 'GC without "cni.dev/valid-attachments"');
  }
  return list.map(({ containerID, ifname }) => ({ containerId: containerID, ifName: ifname }));
}

function versionOf(config: unknown): string {
  const version = (config as PluginConfig | null)?.cniVersion;
  return typeof version === 'string' && version !== '' ? version : impliedVersion;
}
