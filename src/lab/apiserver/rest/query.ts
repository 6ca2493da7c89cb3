/** Numbers in a query, read as Kubernetes' conversion does (apimachinery, runtime/conversion.go). */
import { badRequest } from '../status.ts';

const maxInt64 = 2n ** 63n - 1n;

/** An int64; undefined where the query has none. Throws ApiError BadRequest, in the words of Go's strconv. */
export function integerIn(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null) return undefined;
  const refused = (why: string) => badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`);
  if (!/^[+-]?\d+$/.test(text)) throw refused('invalid syntax');
  const value = BigInt(text.replace(/^\+/, ''));
  if (value > maxInt64 || value < -maxInt64 - 1n) throw refused('value out of range');
  return Number(value);
}
