/** What becomes of a command whose output nobody takes: its work goes on, and it says what cannot be written. */

/** Call it first. A loss that is a failure makes the exit status 1 where it would be 0. */
export function surviveLostOutput(): void {
  let lost = false;
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has had enough (`| head -1`) is no failure.
    if (error.code === 'EPIPE' || lost) return;
    lost = true;
    process.stderr.write(`tendril: the output cannot be written: ${error.message}\n`);
  });
  // The last write may fail when all else is done.
  process.on('exit', (status) => {
    if (lost && status === 0) process.exitCode = 1;
  });
}
