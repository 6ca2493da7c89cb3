/** `tls CERT KEY [CA] { client_auth MODE }`: what a listener of transport tls shows and asks of its clients. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  countArguments,
  onlyArgument,
  onlyDirective,
  unknownOption,
} from '../../corefile/options.ts';
import type { PluginSetup, TlsSettings } from '../../plugin.ts';

const clientAuths: readonly TlsSettings['clientAuth'][] = [
  'nocert',
  'request',
  'require',
  'verify_if_given',
  'require_and_verify',
];

export const setup: PluginSetup = (directives, { directory }) => {
  const directive = onlyDirective(directives);
  countArguments(directive, 2, 3);
  const [cert, key, ca] = directive.args.map((name) => readFile(resolve(directory, name), directive));
  let clientAuth: TlsSettings['clientAuth'] = 'nocert';
  for (const line of directive.block ?? []) {
    if (line.name !== 'client_auth') throw unknownOption(line, 'tls');
    clientAuth = clientAuthOf(line);
  }
  const tls: TlsSettings = { cert: cert!, key: key!, ...(ca !== undefined && { ca }), clientAuth };
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw corefileError(directive.at, 'certificate and key cannot be used together', String(cause));
  }
  return { settings: { tls } };
};

function clientAuthOf(line: Directive): TlsSettings['clientAuth'] {
  const text = onlyArgument(line);
  const found = clientAuths.find((one) => one === text);
  if (found !== undefined) return found;
  throw corefileError(
    line.at,
    `"${text}" is no way to ask clients for certificates`,
    `There are ${clientAuths.join(', ')}.`,
  );
}

function readFile(path: string, { at }: Directive): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw corefileError(at, `the file ${path} cannot be read`, String(cause));
  }
}
