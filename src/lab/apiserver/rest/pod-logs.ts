import type { Readable } from 'node:stream';

export interface PodLogOptions {
  container: string;
  follow: boolean;
  previous: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  limitBytes?: number;
  timestamps: boolean;
}

/** Supplied by the kubelets. The stream is text; with `follow` it goes on until the container ends or it is destroyed. */
export type PodLogs = (
  namespace: string,
  name: string,
  options: PodLogOptions,
) => Readable | Promise<Readable>;
