/** Clients that are built with Go, once, below .cache: a current kubectl, the original agnhost, and a program made with client-go. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Kubectl } from './kubectl-programs.ts';
import { root } from './tendril.ts';

function hasGo(): boolean {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The program's path, or undefined where it cannot be built; why is printed. */
function built(path: string, isOld: () => boolean, build: () => void): string | undefined {
  if (existsSync(path) && !isOld()) return path;
  if (!hasGo()) {
    console.log(`skipped: ${path} is built with Go, which is not on PATH`);
    return undefined;
  }
  console.error(`building ${path}, once; this takes some minutes`);
  build();
  return path;
}

/** One of Kubernetes' own programs, of the version that a lab stands in for. */
function kubernetesProgram(name: string, folder = 'peers'): string | undefined {
  const directory = join(root, '.cache', folder);
  const script = join(root, 'scripts', 'build-kubernetes');
  const build = () => execFileSync(script, [name, directory], { stdio: 'inherit' });
  return built(join(directory, name), () => false, build);
}

/** The original of the lab's agnhost. */
export function originalAgnhost(): string | undefined {
  return kubernetesProgram('agnhost');
}

/** The one that a real control plane of the tests has. */
export function kubeScheduler(): string | undefined {
  return kubernetesProgram('kube-scheduler', 'control-plane');
}

/** kubectl of the Kubernetes that a lab stands in for: it speaks WebSocket first. */
export function currentKubectl(): Kubectl[] {
  const path = kubernetesProgram('kubectl');
  if (path === undefined) return [];
  const text = execFileSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  return [{ path, version: JSON.parse(text).clientVersion.gitVersion }];
}

/** tests/clients/NAME. Its module is built elsewhere: Go writes down there what it has fetched. */
export function goClient(name: string): string | undefined {
  const source = join(root, 'tests', 'clients', name);
  const module = join(root, '.cache', 'clients', name);
  const path = join(module, `${name}.program`);
  const changedMs = Math.max(...readdirSync(source).map((file) => statSync(join(source, file)).mtimeMs));
  const isOld = () => statSync(path).mtimeMs < changedMs;
  return built(path, isOld, () => {
    mkdirSync(module, { recursive: true });
    cpSync(source, module, { recursive: true });
    const env = { ...process.env, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' };
    execFileSync('go', ['build', '-trimpath', '-o', path, '.'], { cwd: module, env, stdio: 'inherit' });
  });
}
