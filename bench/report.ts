/** What bench entries print: a table line for people, or with `--json` one object a line. */

export interface Measurement {
  name: string;
  value: number;
  unit: string;
  /** What it is compared with, and the same figure of it, from the same run. */
  peer?: string;
  peerValue?: number;
  /** value / peerValue, or the median of the turns' ratios. */
  ratio?: number;
  /** 95 % interval of that median. */
  ratioInterval?: [number, number];
  runs: number;
  /** 95 % interval of the median. */
  interval?: [number, number];
}

export type Report = (measurement: Measurement) => void;

export function createReporter(options: { json: boolean; write?: (line: string) => void }): Report {
  const { json, write = console.log } = options;
  return (measurement) => {
    const { peerValue, value } = measurement;
    const ratio = measurement.ratio ?? (peerValue ? value / peerValue : undefined);
    write(json ? JSON.stringify({ ...measurement, ratio }) : asLine({ ...measurement, ratio }));
  };
}

function asLine(m: Measurement): string {
  const interval = m.interval ? ` [${m.interval.map(rounded).join(' … ')}]` : '';
  const ratioInterval = m.ratioInterval ? ` [${m.ratioInterval.map((v) => v.toFixed(2)).join(' … ')}]` : '';
  const peer = m.peer
    ? `  ${m.peer} ${rounded(m.peerValue ?? Number.NaN)} ${m.unit}  ratio ${m.ratio?.toFixed(2)}${ratioInterval}`
    : '';
  return `  ${m.name.padEnd(44)} ${rounded(m.value).padStart(10)} ${m.unit}${interval}${peer}  (${m.runs} runs)`;
}

function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** The median, and its 95 % interval by order statistics (no assumption about the distribution). */
export function medianOf(values: readonly number[]): { median: number; interval: [number, number] } {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  const half = 0.98 * Math.sqrt(n);
  const low = sorted[Math.max(0, Math.floor(n / 2 - half))]!;
  const high = sorted[Math.min(n - 1, Math.ceil(n / 2 + half) - 1)]!;
  const median = n % 2 === 1 ? sorted[(n - 1) / 2]! : (sorted[n / 2 - 1]! + sorted[n / 2]!) / 2;
  return { median, interval: [low, high] };
}

/** The value below which this share of all lies (nearest rank). */
export function percentileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
}
