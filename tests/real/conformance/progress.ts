/** What ginkgo prints of a run with `-v`, as it goes: which spec ended, and how. */

export interface EndedSpec {
  name: string;
  failed: boolean;
  seconds: number;
}

/** `• [12.3 seconds]`, `• [FAILED] [12.3 seconds]`, `• [PANICKED] …`; with setup or cleanup of a suite there is no dot. */
const result = /^(?:•|\+)? ?(?:\[(?<kind>[A-Z ]+)\] )?\[(?<seconds>[\d.]+) seconds\]$/;

/** Takes lines; the one after a result names its spec. */
export function createProgress(ended: (spec: EndedSpec) => void): (line: string) => void {
  let open: Omit<EndedSpec, 'name'> | undefined;
  return (line) => {
    const text = line.trimEnd();
    if (open !== undefined && text !== '') {
      const spec = open;
      open = undefined;
      if (text.startsWith('[sig-')) ended({ name: text, ...spec });
      return;
    }
    const { kind, seconds } = result.exec(text)?.groups ?? {};
    if (seconds === undefined || kind?.startsWith('SKIP')) return;
    open = { failed: kind !== undefined, seconds: Number(seconds) };
  };
}
