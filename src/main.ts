/** The one entry point of every process of Tendril's: commands of users, and the processes of a lab. */
import { run } from './cli/run.ts';

const requiredMajor = 24;

if (Number(process.versions.node.split('.')[0]) === requiredMajor) {
  process.exitCode = await run(process.argv.slice(2));
} else {
  process.stderr.write(
    `tendril: needs Node.js ${requiredMajor}, and this is ${process.versions.node}\n  Use bin/tendril, which runs the Node.js that the project pins.\n`,
  );
  process.exitCode = 1;
}
