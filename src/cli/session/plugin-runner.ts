/** Runs the programs by which users of a kubeconfig authenticate. */
import { spawn } from 'node:child_process';
import { isatty } from 'node:tty';
import type { PluginCall, PluginRunner } from '../../kube/client/credential-plugin.ts';

export const pluginRunner: PluginRunner = {
  get hasTerminal() {
    return isatty(0);
  },
  run: ({ command, args, env, interactive }: PluginCall) =>
    new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        // What it has to say to its user, or of its failure, is not ours to keep.
        stdio: [interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
        env: { ...process.env, ...env },
      });
      const chunks: Buffer[] = [];
      child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (code === 0) resolve(Buffer.concat(chunks).toString());
        else reject(new Error(code === null ? `ended by ${signal}` : `exit status ${code}`));
      });
    }),
};
