/** Transport protocols by their Kubernetes name and IP protocol number. */
export const protocolNumbers = { TCP: 6, UDP: 17, SCTP: 132 } as const;

export type Protocol = keyof typeof protocolNumbers;

export function protocolName(number: number): Protocol | undefined {
  return (Object.keys(protocolNumbers) as Protocol[]).find((name) => protocolNumbers[name] === number);
}
