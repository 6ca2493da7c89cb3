/**
 * The launcher: one small static process per lab that forks, confines and reaps everything which runs on the
 * lab's nodes (agents, containers, CNI shims, exec probes), so that Node.js never starts a process itself on
 * a hot path. It enters the cgroup first (a socket's cgroup is fixed when it is made), then the namespaces.
 * Processes live on when the process that asked for them ends; the launcher itself ends with its cgroup.
 */
import type { Readable, Writable } from 'node:stream';

/** A process on a node as it is: no root of its own. Agents, the CNI shim, the outside host's servers. */
export interface ProcessSpec {
  /** Unique while the process lives; names it in signal() and in exit events. */
  id: string;
  argv: string[];
  /** The whole environment. */
  env: Record<string, string>;
  /** Directory below the cgroup2 mount; made if missing. */
  cgroup: string;
  /** Groups of version 1 to be in besides, one per hierarchy; they exist. */
  cgroups1?: string[];
  /** Path of the network namespace; absent: the launcher's own. */
  netns?: string;
  cwd?: string;
  /** File that stdout and stderr are appended to, a container's in CRI's format (native/launcher/log.h); absent: /dev/null. */
  log?: string;
  /** Its input stays open for Launcher.input(). */
  interactive?: boolean;
  /** It has a terminal of its own, whose output goes to the log; needs a sandbox. */
  tty?: boolean;
  /** When set, the process is confined to a root of its own. */
  sandbox?: SandboxSpec;
}

export interface Mount {
  /** On the machine. */
  source: string;
  /** In the container. */
  target: string;
  readOnly: boolean;
  /** The source must lie below this directory once its symbolic links are resolved (a volume's, for subPath). */
  within?: string;
}

/**
 * A container. Its root is the machine's read-only system directories (/usr, /bin, /lib*, /sbin, parts of /etc)
 * under a tmpfs overlay, with its own /proc (sysctls read-only), /dev (null, zero, full, random, urandom, tty,
 * pts, shm), /tmp and /sys (read-only, of its own network namespace). No host device, no host file, no host process.
 */
export interface SandboxSpec {
  hostname: string;
  mounts: Mount[];
  readOnlyRoot: boolean;
  uid: number;
  gid: number;
  supplementalGroups: number[];
  /** Names without CAP_, e.g. NET_BIND_SERVICE. The launcher refuses those that reach beyond a namespace. */
  capabilities: string[];
  noNewPrivileges: boolean;
  /** Shares the PID namespace of the process with this id (shareProcessNamespace); absent: a new one. */
  pidNamespaceOf?: string;
  /** Scratch directory of this container on the machine; holds the overlay's upper layer. Removed by its owner. */
  scratch: string;
}

export interface Exit {
  id: string;
  /** Exit status, or 128 + signal number as shells report it. */
  code: number;
  signal?: number;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** A command that somebody talks to while it runs. */
export interface SessionSpec {
  argv: string[];
  /** Its input stays open until it is ended; else there is none. */
  interactive: boolean;
  /** It has a terminal of the container's: one output, and an input that has no end. */
  tty: boolean;
}

/** What a running process reads. */
export interface ProcessInput {
  /** Its end is the end of the process' input, but for a terminal's. Destroyed, it leaves the process as it is. */
  readonly stdin: Writable;
  /** The terminal's size in characters; nothing where there is no terminal. */
  resize(size: TerminalSize): void;
}

export interface TerminalSize {
  columns: number;
  rows: number;
}

export interface Session extends ProcessInput {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Exit status, once all output is told. Rejects with TendrilError TOOL_FAILED when the launcher is lost. */
  readonly exited: Promise<number>;
  /** Takes input, outputs and terminal away from what still runs: it is hung up on. */
  close(): void;
}

export interface Launcher {
  /**
   * Starts a process; resolves with its pid on the machine when exec has succeeded. `dropped` names the
   * capabilities that were asked for and refused.
   * @throws TendrilError TOOL_FAILED naming the step that failed (cgroup, netns, sandbox, exec) and errno
   */
  start(spec: ProcessSpec): Promise<{ pid: number; dropped?: string[] }>;
  /** Starts a process, gives it `stdin`, and collects its output. Killed after `timeoutMs` (then code 137). */
  run(spec: ProcessSpec, options: { stdin?: string; timeoutMs: number }): Promise<RunResult>;
  /** Runs a command inside a started container: its namespaces, cgroup, root, user, capabilities, environment. */
  exec(id: string, argv: string[], options: { timeoutMs: number }): Promise<RunResult>;
  /**
   * Runs a command inside a started container, as exec does, and stays in touch with it.
   * @throws TendrilError TOOL_FAILED
   */
  session(id: string, spec: SessionSpec): Promise<Session>;
  /** The input of a started process whose spec has `interactive` or `tty`; nothing is heard of one that has ended. */
  input(id: string): ProcessInput;
  /** Signals the process (a container's PID 1). False when it is already gone. */
  signal(id: string, signal: number): Promise<boolean>;
  /** Sets net.* sysctls inside a network namespace. */
  sysctl(netns: string, values: Record<string, string>): Promise<void>;
  /** Exits of started processes, each told once; those that happened while nobody was connected are told first. */
  onExit(handler: (exit: Exit) => void): void;
  /** Ids of processes that live. */
  list(): Promise<string[]>;
  close(): void;
}
