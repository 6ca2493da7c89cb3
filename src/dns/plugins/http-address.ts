/** The optional address of plugins that answer over HTTP. */
import type { Directive } from '../corefile/directive.ts';
import { corefileError, countArguments } from '../corefile/options.ts';
import { tryAddress } from '../server/http-endpoints.ts';

/** @throws COREFILE for more than one argument, or one that is no address with a port */
export function httpAddressOf(directive: Directive, byDefault: string): string {
  countArguments(directive, 0, 1);
  const [address = byDefault] = directive.args;
  if (tryAddress(address) !== undefined) return address;
  throw corefileError(
    directive.at,
    `"${address}" is no address with a port`,
    `Write it as ${byDefault} or 127.0.0.1${byDefault.slice(byDefault.lastIndexOf(':'))}.`,
  );
}
