/**
 * `loop`: finds out whether queries that the server passes on come back to it. It asks itself for a name that
 * nobody else knows; what comes back more than twice goes round. CoreDNS ends the process then; so does this.
 */
import { randomBytes } from 'node:crypto';
import { TendrilError } from '../../../util/errors.ts';
import { countArguments, onlyDirective, refuseBlock } from '../../corefile/options.ts';
import { newQuery } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { PluginSetup, Query } from '../../plugin.ts';

const hinfo = 13;
/** Seen more often than this the query goes round. */
const maxSeen = 2;
/** How long the question stays known, ms. */
const watchMs = 2000;

const randomLabel = () => randomBytes(8).readBigUInt64BE().toString();

export const setup: PluginSetup = (directives, { clock, fatal, keys, logger, resolve }) => {
  const directive = onlyDirective(directives);
  countArguments(directive, 0);
  refuseBlock(directive);
  const { zone, port } = keys[0]!;
  const name = [randomLabel(), randomLabel(), ...(zone === '' ? [] : [zone])].join('.');
  let seen = 0;
  let over = false;
  let cancel = () => {};

  /** Down the chain as a client's query: what it is forwarded to may be this server. */
  async function ask(): Promise<void> {
    const message = newQuery(0, { name, type: hinfo });
    const self: Query = {
      message,
      name,
      type: hinfo,
      transport: 'udp',
      client: { address: '127.0.0.1', port },
    };
    try {
      await resolve(self, { name, type: hinfo });
    } catch (error) {
      logger.debug('the query that would show a loop is not answered', { error });
    }
    cancel = clock.after(watchMs, () => {
      over = true;
    });
  }

  return {
    start: () => void ask(),
    close: () => {
      over = true;
      cancel();
    },
    handler: {
      name: 'loop',
      serve: (query, next) => {
        if (over || query.type !== hinfo || !isBelow(query.name, zone)) return next();
        if (query.name === name) seen++;
        if (seen <= maxSeen) return next();
        over = true;
        fatal(loopError(query, `${zone}.`));
        return undefined;
      },
    },
  };
};

/** An endless loop would only take the machine's time: the process ends, and its log says why. */
function loopError({ client }: Query, zone: string): TendrilError {
  const problem = `queries for the zone ${zone} that are forwarded come back, by ${client.address}: a loop`;
  return new TendrilError('DNS_UPSTREAM', problem, {
    remedy:
      'Forward to servers that do not forward to this one; see that /etc/resolv.conf here does not name it.',
  });
}
