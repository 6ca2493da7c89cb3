/**
 * Keeps the kernel's answers those of the server: all names of the zone first, then each that changes. Until all are
 * there, and where a map has no room, the kernel leaves every question to the server.
 */
import { join } from 'node:path';
import type { Bpf, BpfObject } from '../../linux/bpf/bpf.ts';
import type { Ip } from '../../net/ip.ts';
import { describeError } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import { TimeSlice } from '../../util/time-slice.ts';
import { type AnswerSample, decodeSample } from './samples.ts';
import { type Counters, isFull, type NameAddresses, ZoneMaps, type ZoneSettings } from './zone-maps.ts';

/** The zone's names, as the server derives them from the API. */
export interface ZoneNames {
  /**
   * Every canonical name of the zone that exists, its own included. Names below a Service's need not be here, and those
   * below `pod` are not: what is missing of them is asked of the server.
   */
  names(): Iterable<string>;
  /** Undefined for a name that does not exist. */
  addresses(name: string): NameAddresses | undefined;
}

export interface FastPathOptions {
  bpf: Bpf;
  /** Where compiled objects are. */
  objectsDirectory: string;
  /** On a bpffs: what is pinned there goes on answering while no agent runs. */
  pinDirectory: string;
  mapSizes?: Record<string, number>;
  logger: Logger;
}

/** Why the kernel answers nothing, or that it does. */
export type FastPathState = { answering: true } | { answering: false; reason: string };

const program = 'dns_pod_ingress';
const notYet = 'not all names are known yet';

export class FastPath {
  readonly #options: FastPathOptions;
  readonly #object: BpfObject;
  readonly #maps: ZoneMaps;
  #state: FastPathState = { answering: false, reason: notYet };
  /** Names to look at again; undefined: all. */
  #dirty: Set<string> | undefined;
  #source: { names: ZoneNames; settings: () => ZoneSettings } | undefined;
  #running: Promise<void> = Promise.resolve();
  #sampling: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Loads the program on the maps that are pinned, or on new ones. @throws TendrilError BPF_LOAD */
  constructor(options: FastPathOptions) {
    this.#options = options;
    const { bpf, objectsDirectory, pinDirectory, mapSizes } = options;
    const request = {
      path: join(objectsDirectory, 'dns.bpf.o'),
      pinDirectory,
      ...(mapSizes && { mapSizes }),
    };
    // Of another version or size: all in them is derived, and written again.
    if (bpf.misfit(request) !== undefined) {
      silence(bpf, pinDirectory);
      bpf.clear(pinDirectory);
    }
    try {
      this.#object = bpf.load(request);
    } catch (error) {
      silence(bpf, pinDirectory);
      throw error;
    }
    this.#maps = new ZoneMaps(this.#object);
  }

  state(): FastPathState {
    return this.#state;
  }

  /** By what the kernel answers: as an earlier process told it, at first. Undefined where it answers nothing. */
  inForce(): Pick<ZoneSettings, 'zone' | 'ttl' | 'recursive'> | undefined {
    return this.#maps.settings();
  }

  counters(): Counters {
    return this.#maps.counters();
  }

  /**
   * Answers from now until `wait` resolves, one of so many by chance, and some two hundred at the most. Callers take turns: nobody's
   * answers are another's.
   */
  sample(every: number, wait: () => Promise<void>): Promise<AnswerSample[]> {
    const done = this.#sampling.then(() => this.#sampleOnce(every, wait));
    this.#sampling = done.catch(() => {});
    return done;
  }

  async #sampleOnce(every: number, wait: () => Promise<void>): Promise<AnswerSample[]> {
    using ring = this.#object.ringBuffer('dns_samples');
    // What nobody has read of earlier ones.
    while (ring.drain(() => {}) > 0);
    this.#maps.sampleEvery(every);
    try {
      await wait();
    } finally {
      if (!this.#closed) this.#maps.sampleEvery(0);
    }
    const samples: AnswerSample[] = [];
    while (ring.drain((record) => samples.push(decodeSample(record))) > 0);
    return samples;
  }

  /** Questions of the pod whose veth's host end this is are answered ahead of all other programs there. */
  attachPod(ifindex: number): void {
    this.#object.attach(program, attachPoint(ifindex), this.#pin(ifindex));
  }

  detachPod(ifindex: number): void {
    this.#options.bpf.detach(this.#pin(ifindex), attachPoint(ifindex));
  }

  /** The addresses that the cluster's DNS servers are asked under. */
  setServers(ips: readonly Ip[]): void {
    this.#maps.setServers(ips);
  }

  /** Writes all names, then answers by them; `settings` is asked at each change. Resolves when it answers, or cannot. */
  follow(names: ZoneNames, settings: () => ZoneSettings): Promise<void> {
    this.#source = { names, settings };
    this.#dirty = undefined;
    return this.#schedule();
  }

  /** These have changed, appeared or vanished. Resolves when the kernel knows. */
  changed(names: Iterable<string>): Promise<void> {
    if (this.#source === undefined || this.#dirty === undefined) return this.#schedule();
    for (const name of names) this.#dirty.add(name);
    return this.#schedule();
  }

  /** The kernel goes on for another `termMs`: to be called more often, or it leaves every question to the server. */
  renew(): void {
    if (this.#state.answering) this.#maps.renew();
  }

  /** From now on every question goes to the server, until `follow` is called again. */
  stop(reason: string): void {
    this.#source = undefined;
    this.#dirty = undefined;
    this.#refuse(reason);
  }

  /** What is attached goes on answering. */
  close(): void {
    this.#closed = true;
    this.#object.close();
  }

  #schedule(): Promise<void> {
    // Whoever waited for it was told of its failure.
    this.#running = this.#running.catch(() => {}).then(() => this.#sync());
    return this.#running;
  }

  async #sync(): Promise<void> {
    const source = this.#source;
    if (source === undefined) return;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    try {
      if (dirty === undefined) await this.#writeAll(source);
      else for (const name of dirty) this.#write(source.names, name);
      // Another source, or none, meanwhile: its own turn comes.
      if (this.#source !== source) return;
      this.#maps.enable(source.settings());
      this.#state = { answering: true };
    } catch (error) {
      // Tried again as a whole at the next change: what is missing then is not known.
      this.#dirty = undefined;
      this.#refuse(describeError(error));
      if (!isFull(error)) throw error;
      this.#options.logger.error('cluster DNS is not answered in the kernel', { error });
    }
  }

  async #writeAll({ names, settings }: { names: ZoneNames; settings: () => ZoneSettings }): Promise<void> {
    // Names of another zone are about to go, and would be denied.
    if (!this.#state.answering || !this.#maps.isFor(settings().zone)) this.#refuse(notYet);
    const slice = new TimeSlice();
    await this.#maps.retain((name) => names.addresses(name) !== undefined, slice);
    for (const name of names.names()) {
      this.#write(names, name);
      await slice.breathe();
    }
  }

  #write(names: ZoneNames, name: string): void {
    const addresses = names.addresses(name);
    if (addresses === undefined) this.#maps.delete(name);
    else this.#maps.set(name, addresses);
  }

  #refuse(reason: string): void {
    this.#maps.disable();
    this.#state = { answering: false, reason };
  }

  #pin(ifindex: number): string {
    return join(this.#options.pinDirectory, 'links', `dns-${ifindex}`);
  }
}

/** Programs that are at pods keep these maps, whoever unpins them: nobody would tell them of a change any more. */
function silence(bpf: Bpf, pinDirectory: string): void {
  using maps = bpf.pinned(pinDirectory);
  const config = maps.get('dns_config')?.map;
  const key = new Uint8Array(4);
  // Of whatever version: `enabled` comes first.
  const value = config?.lookup(key);
  if (value !== undefined) config!.update(key, value.fill(0, 0, 4));
}

function attachPoint(ifindex: number) {
  return { type: 'clsact', direction: 'ingress', ifindex, place: 'ahead' } as const;
}
