/** Long work in short steps: an agent must answer others in between. */
const stepLength = 250;

/** With undefined now and then, where others may have their turn. */
export function* inSteps<T>(values: Iterable<T>): Generator<T | undefined> {
  let i = 0;
  for (const value of values) {
    if (++i % stepLength === 0) yield undefined;
    yield value;
  }
}
