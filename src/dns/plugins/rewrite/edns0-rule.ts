/**
 * `edns0 local|nsid|subnet set|replace|append|unset ... [revert]`: options of the query for those behind. `revert` is
 * taken and changes nothing: the reply never has the options of a query but those that somebody answered it with.
 */
import { cidrOf } from '../../../net/cidr.ts';
import { tryParseIp } from '../../../net/ip.ts';
import type { Place } from '../../corefile/directive.ts';
import { corefileError, wholeNumber } from '../../corefile/options.ts';
import type { Query } from '../../plugin.ts';
import type { Apply } from './rule.ts';

const nsid = 3;
const clientSubnet = 8;
type Action = 'set' | 'replace' | 'append' | 'unset';

interface OptionRule {
  code: number;
  action: Action;
  /** Undefined where there is nothing to say: the rule is then left out. */
  data(query: Query): Uint8Array | undefined;
  /** `append` adds beside one of the same code. */
  beside: boolean;
}

/** @throws COREFILE */
export function edns0Rule(args: readonly string[], at: Place): Apply {
  const [kind = '', action = ''] = args.map((word) => word.toLowerCase());
  if (!isAction(action)) throw corefileError(at, `"${action}" is none of set, replace, append, unset`);
  const words = args.at(-1) === 'revert' && action !== 'unset' ? args.slice(2, -1) : args.slice(2);
  const rule = optionRule(kind, action, { words, at });
  return (query) => {
    const edns = query.message.edns ?? { udpBytes: 4096, version: 0, dnssecOk: false, options: [] };
    const options = changedOptions(edns.options, rule, query);
    if (options === undefined) return undefined;
    return {
      query: { ...query, message: { ...query.message, edns: { ...edns, options } } },
      answerRules: [],
    };
  };
}

function isAction(word: string): word is Action {
  return ['set', 'replace', 'append', 'unset'].includes(word);
}

type Options = { code: number; data: Uint8Array }[];

function changedOptions(options: Options, rule: OptionRule, query: Query): Options | undefined {
  const { code, action, beside } = rule;
  if (action === 'unset') return options.filter((option) => option.code !== code);
  const data = rule.data(query);
  if (data === undefined) return undefined;
  const at = options.findIndex((option) => option.code === code);
  if (at >= 0 && action !== 'append') return options.with(at, { code, data });
  if (action === 'replace' || (at >= 0 && !beside)) return undefined;
  return [...options, { code, data }];
}

function optionRule(kind: string, action: Action, from: { words: readonly string[]; at: Place }): OptionRule {
  const { words, at } = from;
  const count = (unset: number, others: number) => {
    const wanted = action === 'unset' ? unset : others;
    if (words.length !== wanted)
      throw corefileError(
        at,
        `edns0 ${kind} ${action} takes ${wanted} more argument(s), here are ${words.length}`,
      );
  };
  if (kind === 'nsid') {
    count(0, 0);
    return { code: nsid, action, beside: true, data: () => Buffer.alloc(0) };
  }
  if (kind === 'subnet') {
    count(0, 2);
    const [bits4 = 0, bits6 = 0] = words.map((word, i) =>
      wholeNumber(word, { min: 0, max: i === 0 ? 32 : 128 }, at),
    );
    return {
      code: clientSubnet,
      action,
      beside: false,
      data: ({ client }) => subnetData(client.address, bits4, bits6),
    };
  }
  if (kind !== 'local') throw corefileError(at, `"${kind}" is none of local, nsid, subnet`);
  count(1, 2);
  const [code, text = ''] = words as [string, string | undefined];
  const variable = /^\{(.*)\}$/.exec(text)?.[1];
  return {
    code: optionCode(code, at),
    action,
    beside: variable === undefined,
    data: variable === undefined ? constant(text, at) : variableData(variable, at),
  };
}

function optionCode(text: string, at: Place): number {
  const code = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(code <= 0xffff)) throw corefileError(at, `"${text}" is no option code`);
  return code;
}

function constant(text: string, at: Place): () => Uint8Array {
  if (text.startsWith('0x') && !/^0x([0-9a-f]{2})*$/i.test(text))
    throw corefileError(at, `"${text}" is not hexadecimal`);
  const data = text.startsWith('0x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text);
  return () => data;
}

const addressBytes = (text: string | undefined) => tryParseIp(text?.split('%')[0] ?? '')?.bytes;
const number16 = (value: number | undefined) =>
  value === undefined ? undefined : Buffer.of(value >> 8, value & 0xff);

const variables: Readonly<Record<string, OptionRule['data']>> = {
  qname: ({ message }) => Buffer.from(`${message.questions[0]!.name}.`),
  qtype: ({ type }) => number16(type),
  client_ip: ({ client }) => addressBytes(client.address),
  client_port: ({ client }) => number16(client.port),
  protocol: ({ transport }) => Buffer.from(transport === 'udp' ? 'udp' : 'tcp'),
  server_ip: ({ server }) => addressBytes(server?.address),
  server_port: ({ server }) => number16(server?.port),
};

/** A variable, or the label of metadata (`kubernetes/service`). */
function variableData(name: string, at: Place): OptionRule['data'] {
  if (Object.hasOwn(variables, name)) return variables[name]!;
  if (!/^[^/]+\/.+/.test(name))
    throw corefileError(at, `"{${name}}" is no variable`, `There are ${Object.keys(variables).join(', ')}.`);
  return ({ metadata }) => {
    const value = metadata?.get(name);
    return value ? Buffer.from(value) : undefined;
  };
}

/** RFC 7871 section 6: family, how many bits, 0, and the address's bytes that hold them. */
function subnetData(address: string, bits4: number, bits6: number): Uint8Array | undefined {
  const ip = tryParseIp(address.split('%')[0]!);
  if (ip === undefined) return undefined;
  const bits = ip.family === 4 ? bits4 : bits6;
  const { bytes } = cidrOf(ip, bits).ip;
  return Buffer.concat([Buffer.of(0, ip.family === 4 ? 1 : 2, bits, 0), bytes.slice(0, Math.ceil(bits / 8))]);
}
