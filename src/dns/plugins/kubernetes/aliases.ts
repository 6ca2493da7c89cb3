/** Follows the aliases of ExternalName Services: inside the zone here, elsewhere by asking the server again. */
import type { ResourceRecord } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { Query, Served } from '../../plugin.ts';
import { aliasRecord } from './records.ts';
import type { NameRecords, ZoneLookup } from './zone-lookup.ts';

/** As many names as CoreDNS follows inside the zone. */
const maxAliases = 10;

export interface Followed {
  records: ResourceRecord[];
  /** An answer from elsewhere was cut short. */
  truncated: boolean;
}

export interface FollowOptions {
  lookup: ZoneLookup;
  query: Query;
  /** Asks for a name that is not in the zone. */
  resolve(name: string): Served;
}

/** Addresses of a name, through its aliases. An alias that leads nowhere inside the zone is left out. */
export async function followAliases(
  found: NameRecords,
  options: FollowOptions,
  before: readonly ResourceRecord[] = [],
): Promise<Followed> {
  const { name, zone } = found;
  const { lookup, query } = options;
  const records = [...found.of(query.type).answers];
  let truncated = false;
  for (const { alias } of found.backends) {
    if (alias === undefined || isBelow(alias, name) || before.length > maxAliases) continue;
    if (before.some((one) => one.name === name)) continue;
    const own = aliasRecord(name, lookup.options.ttl, alias);
    if (isBelow(alias, zone)) {
      const next = lookup.find(alias, zone);
      const followed = next && (await followAliases(next, options, [...before, own]));
      if (followed && followed.records.length > 0) records.push(own, ...followed.records);
      truncated ||= followed?.truncated ?? false;
    } else {
      const reply = await options.resolve(alias);
      if (reply !== undefined) records.push(own, ...reply.answers);
      truncated ||= reply?.truncated ?? false;
    }
  }
  return { records, truncated };
}
