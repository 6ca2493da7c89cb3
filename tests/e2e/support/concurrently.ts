/** Calls `act` with every item, so many at a time. Rejects with the first that fails. */
export async function concurrently<T>(
  count: number,
  items: readonly T[],
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await act(item);
  };
  await Promise.all(Array.from({ length: count }, worker));
}
