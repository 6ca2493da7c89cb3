/**
 * What a user sees while something takes its time: on a terminal one line that changes, elsewhere one plain
 * line a step.
 */
export interface Progress {
  /** What goes on now. */
  step(text: string): void;
  /** A line that stays, above the changing one. */
  note(text: string): void;
  /** Ends the changing line; nothing of it stays. */
  end(): void;
}

interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 80;
const clearLine = '\r\x1b[K';

export function createProgress(output: Output = process.stderr): Progress {
  return output.isTTY ? terminalProgress(output) : plainProgress(output);
}

function plainProgress(output: Output): Progress {
  let last = '';
  const line = (text: string) => {
    if (text !== last) output.write(`${text}\n`);
    last = text;
  };
  return { step: line, note: line, end: () => {} };
}

function terminalProgress(output: Output): Progress {
  let text = '';
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    const width = (output.columns ?? 80) - 3;
    output.write(`${clearLine}${frames[frame++ % frames.length]} ${text.slice(0, width)}`);
  };
  return {
    step: (next) => {
      text = next;
      timer ??= setInterval(draw, frameMs).unref();
      draw();
    },
    note: (line) => {
      output.write(`${clearLine}${line}\n`);
      if (timer) draw();
    },
    end: () => {
      clearInterval(timer);
      timer = undefined;
      output.write(clearLine);
    },
  };
}
