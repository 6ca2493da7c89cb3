/** `loadbalance [round_robin | weighted FILE] { reload, prefer }`: changes the order of addresses from answer to answer. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Cidr, tryParseCidr } from '../../../net/cidr.ts';
import { isError } from '../../../util/errors.ts';
import { afterward } from '../../chain.ts';
import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  countArguments,
  durationMs,
  onlyArgument,
  onlyDirective,
  unknownOption,
} from '../../corefile/options.ts';
import { isTransfer, recordTypes, responseCodes } from '../../message/constants.ts';
import type { Message } from '../../message/message.ts';
import type { PluginContext, PluginSetup } from '../../plugin.ts';
import { preferred, roundRobin } from './shuffle.ts';
import { parseWeights, type Weights, weighted } from './weights.ts';

const defaultReloadMs = 30_000;

interface Policy {
  order(message: Message): Message;
  start?(): void;
  close?(): void;
}

export const setup: PluginSetup = (directives, context) => {
  const directive = onlyDirective(directives);
  const networks = (directive.block ?? []).filter(({ name }) => name === 'prefer').flatMap(networksOf);
  const policy = policyOf(directive, context);
  const order = (message: Message): Message => {
    const ordered = policy.order(message);
    if (networks.length === 0) return ordered;
    const { answers, additionals } = ordered;
    return {
      ...ordered,
      answers: preferred(answers, networks),
      additionals: preferred(additionals, networks),
    };
  };
  return {
    start: policy.start,
    close: policy.close,
    handler: {
      name: 'loadbalance',
      serve: (query, next) =>
        afterward(next(), (answer) =>
          answer === undefined || answer.rcode !== responseCodes.NOERROR || isTransfer(query.type)
            ? answer
            : order(answer),
        ),
    },
  };
};

function policyOf(directive: Directive, context: PluginContext): Policy {
  const { args, at } = directive;
  const [name = 'round_robin', ...rest] = args;
  if (name === 'weighted') return weightedPolicy(directive, context);
  if (name !== 'round_robin') throw corefileError(at, `"${name}" is neither round_robin nor weighted`);
  if (rest.length > 0) throw corefileError(at, 'round_robin takes no arguments');
  const other = directive.block?.find((line) => line.name !== 'prefer');
  if (other !== undefined) throw unknownOption(other, 'loadbalance');
  return { order: inAnyOrder };
}

function inAnyOrder(message: Message): Message {
  const { answers, authorities, additionals } = message;
  if (answers.length <= 1 && authorities.length <= 1 && additionals.length <= 1) return message;
  return {
    ...message,
    answers: roundRobin(answers),
    authorities: roundRobin(authorities),
    additionals: roundRobin(additionals),
  };
}

/** The file is read anew while the server runs; a wrong one leaves the weights as they are. */
function weightedPolicy(directive: Directive, { clock, directory, logger }: PluginContext): Policy {
  countArguments(directive, 2);
  const file = resolve(directory, directive.args[1]!);
  let reloadMs = defaultReloadMs;
  for (const line of directive.block ?? []) {
    if (line.name === 'reload') reloadMs = durationMs(onlyArgument(line), line.at);
    else if (line.name !== 'prefer') throw unknownOption(line, 'loadbalance');
  }
  let weights: Weights = new Map();
  let text: string | undefined;
  let cancel = () => {};
  const read = () => {
    const found = readFileSync(file, 'utf8');
    if (found !== text) weights = parseWeights(found, file);
    text = found;
  };
  const again = (first: boolean) => {
    try {
      read();
    } catch (error) {
      if (first && (isError(error, 'COREFILE') || reloadMs === 0)) throw error;
      logger.warn('the weights cannot be read: those before them stay', { file, error });
    }
    if (reloadMs > 0) cancel = clock.after(reloadMs, () => again(false));
  };
  return {
    order: (message) => {
      if (!weighedTypes.includes(message.questions[0]!.type)) return message;
      const { answers, additionals } = message;
      return { ...message, answers: weighted(answers, weights), additionals: weighted(additionals, weights) };
    },
    start: () => again(true),
    close: () => cancel(),
  };
}

const weighedTypes: readonly number[] = [recordTypes.A, recordTypes.AAAA, recordTypes.SRV];

function networksOf({ args, at }: Directive): Cidr[] {
  return args.map((text) => {
    const network = tryParseCidr(text);
    if (network === undefined) throw corefileError(at, `"${text}" is no CIDR`);
    return network;
  });
}
