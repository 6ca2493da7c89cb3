/** What a client may open once its connection is upgraded: how the API's handler answers exec, attach and portforward. */
import type { Connect } from './port-forward.ts';
import type { CommandSession } from './remote-command.ts';

/** Which streams a client wants. */
export interface WantedStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

export type StreamTarget =
  | ({ kind: 'command'; streams: WantedStreams } & CommandSession)
  /** `ports`: of WebSocket clients that open no stream themselves. */
  | { kind: 'ports'; ports: string[]; connect: Connect };
