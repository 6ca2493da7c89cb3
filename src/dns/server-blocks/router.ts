/** Chooses the server block of a query: the one with the longest zone that holds the name (CoreDNS core/dnsserver/server.go). */
import { classInternet, recordTypes, responseCodes } from '../message/constants.ts';
import { replyTo } from '../message/message.ts';
import type { Query, Served } from '../plugin.ts';
import type { RunningBlock } from './block.ts';

export interface Route {
  zone: string;
  block: RunningBlock;
}

/** What serves one listener: its blocks by zone; several of one zone where views tell them apart. */
export function createRouter(routes: readonly Route[]): (query: Query) => Served {
  const byZone = new Map<string, RunningBlock[]>();
  for (const { zone, block } of routes) byZone.set(zone, [...(byZone.get(zone) ?? []), block]);
  const anyClass = routes.some(({ block }) => block.settings.anyClass);

  return (query) => {
    if (!anyClass && query.message.questions[0]?.class !== classInternet) return refuse(query);
    const block = query.type === recordTypes.DS ? blockOfParent(query) : blockOf(query);
    if (block === undefined) return refuse(query);
    return block.serve(query);
  };

  function blockOf(query: Query): RunningBlock | undefined {
    for (let zone: string | undefined = query.name; zone !== undefined; zone = parentOf(zone)) {
      const block = passing(zone, query);
      if (block !== undefined) return block;
    }
    return undefined;
  }

  /** DS records stand on the parent's side of a delegation: the shortest zone above the name answers, or its own. */
  function blockOfParent(query: Query): RunningBlock | undefined {
    let last: RunningBlock | undefined;
    for (let zone: string | undefined = query.name; zone !== undefined && zone !== ''; zone = parentOf(zone))
      last = passing(zone, query) ?? last;
    return last ?? passing('', query);
  }

  function passing(zone: string, query: Query): RunningBlock | undefined {
    return byZone.get(zone)?.find((block) => block.accepts(query));
  }
}

function refuse(query: Query): Served {
  return replyTo(query.message, { rcode: responseCodes.REFUSED });
}

/** The name without its first label; undefined for the root. */
export function parentOf(name: string): string | undefined {
  if (name === '') return undefined;
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1))
    if (!isEscaped(name, dot)) return name.slice(dot + 1);
  return '';
}

function isEscaped(name: string, at: number): boolean {
  let backslashes = 0;
  while (name[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}
