/** The rules of ARCHITECTURE.md about who may import whom, and what only one folder may touch. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const features = [
  'cni',
  'podnet',
  'service',
  'policy',
  'dns',
  'loadbalancer',
  'gateway',
  'mesh',
  'egress',
  'observe',
];
const libraries = ['ipam', 'bgp'];
const below = ['util', 'net', 'kube', 'linux', ...libraries];

/** Rooms of src/, and which others each may import. What is not listed here is a mistake. */
const mayImport: Record<string, readonly string[]> = {
  util: [],
  net: ['util'],
  kube: ['util', 'net'],
  linux: ['util', 'net'],
  ...Object.fromEntries(libraries.map((room) => [room, ['util', 'net', 'linux']])),
  ...Object.fromEntries(features.map((room) => [room, below])),
  agent: [...below, ...features],
  // What is applied to a real cluster: objects only.
  deploy: ['util', 'net', 'kube'],
  // What is done on a node for a whole cluster's sake.
  'node-tasks': [...below, ...features, 'agent'],
  // The cluster's side of it: by the API alone, of a task the name and what it takes and gives.
  install: ['util', 'net', 'kube', 'deploy', 'node-tasks'],
  lab: [...below, ...features, 'agent'],
  cli: [...below, ...features, 'agent', 'lab', 'deploy', 'install', 'node-tasks'],
  'main.ts': ['cli'],
};

interface Import {
  /** Relative to src/, or a package's name. */
  target: string;
  typeOnly: boolean;
}

interface Source {
  /** Relative to src/. */
  path: string;
  room: string;
  text: string;
  imports: Import[];
}

/** Also what tests of a room share: its folder testing/. */
const isTest = (path: string) => /\.(test|cases)\.ts$|\/testing\//.test(path);

const sources: Source[] = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.includes('/vendor/'))
  .map((path) => {
    const text = readFileSync(join(root, 'src', path), 'utf8');
    return { path, room: path.split('/')[0]!, text, imports: importsOf(path, text) };
  });

const production = sources.filter(({ path }) => !isTest(path));

function importsOf(path: string, text: string): Import[] {
  const statement =
    /^(?:import|export)\s+(type\s)?(?:[^'";]*?from\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  return [...text.matchAll(statement)].map(([, type, named, lazy]) => {
    const target = (named ?? lazy)!;
    const inside = target.startsWith('.');
    return {
      target: inside ? relative(join(root, 'src'), join(root, 'src', dirname(path), target)) : target,
      typeOnly: type !== undefined,
    };
  });
}

/** `from imports target`, for every import that breaks the rule. */
function offences(among: readonly Source[], breaks: (source: Source, imported: Import) => boolean): string[] {
  return among.flatMap((source) =>
    source.imports
      .filter((imported) => breaks(source, imported))
      .map(({ target }) => `${source.path} imports ${target}`),
  );
}

const isPackage = (target: string) => !target.endsWith('.ts') && !target.endsWith('.json');

describe('rooms', () => {
  test('are read: imports are found', () => {
    expect(production.length).toBeGreaterThan(50);
    expect(production.find(({ path }) => path === 'main.ts')?.imports).toEqual([
      { target: 'cli/run.ts', typeOnly: false },
    ]);
  });

  test('are all known', () => {
    expect([...new Set(sources.map(({ room }) => room))].filter((room) => !(room in mayImport))).toEqual([]);
  });

  test('import only what lies below them; features never import features', () => {
    const breaks = ({ room }: Source, { target }: Import) => {
      if (isPackage(target) || target.startsWith('..')) return false;
      const other = target.split('/')[0]!;
      return other !== room && !(mayImport[room] ?? []).includes(other);
    };
    expect(offences(production, breaks)).toEqual([]);
  });

  test('have no way around through ..', () => {
    const allowed = (target: string) => target === '../package.json';
    expect(offences(production, (_, { target }) => target.startsWith('..') && !allowed(target))).toEqual([]);
  });
});

describe('the kernel', () => {
  test('is reached by FFI from linux/ffi alone', () => {
    expect(
      offences(sources, ({ path }, { target }) => target === 'koffi' && !path.startsWith('linux/ffi/')),
    ).toEqual([]);
  });

  test('has its sysctls, netlink and nft in linux/ alone', () => {
    const touches = /(?<!existsSync\()['"`](?:\/proc\/sys\/|\/usr\/sbin\/nft|nft['"`])/;
    // deploy/ names paths to be mounted, and opens none.
    const outside = production.filter(
      ({ room, text }) => !['linux', 'deploy'].includes(room) && touches.test(text),
    );
    expect(outside.map(({ path }) => path)).toEqual([]);
  });

  test('gets no process from Node.js, but by the command line and the tools of linux/', () => {
    const allowed = [
      ...['cli/exec.ts', 'cli/exec/remote.ts', 'cli/session/plugin-runner.ts'],
      'lab/launcher/start-launcher.ts',
    ];
    const breaks = ({ path, room }: Source, { target, typeOnly }: Import) =>
      target === 'node:child_process' && !typeOnly && room !== 'linux' && !allowed.includes(path);
    expect(offences(production, breaks)).toEqual([]);
  });
});

test('properties are tried from a seed that stays', () => {
  const breaks = ({ path }: Source, { target }: Import) =>
    target === 'fast-check' && path !== 'util/testing/properties.ts';
  expect(offences(sources, breaks)).toEqual([]);
});

describe('a backend', () => {
  test('plans without touching the kernel: plan.ts takes only types from linux/', () => {
    const breaks = ({ path }: Source, { target, typeOnly }: Import) =>
      path.endsWith('/plan.ts') && target.startsWith('linux/') && !typeOnly;
    // Values that are constants, such as protocol numbers, are no calls.
    const constants = /route-netlink\.ts$|layout/;
    expect(
      offences(
        production,
        (source, imported) => breaks(source, imported) && !constants.test(imported.target),
      ),
    ).toEqual([]);
  });
});

describe('files', () => {
  test('are short enough to be read', () => {
    const long = production.filter(
      ({ path, text }) => !path.includes('generated') && text.split('\n').length > 400,
    );
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  test('are named as kebab-case nouns', () => {
    expect(
      sources
        .filter(({ path }) => !/^[a-z0-9-]+(\.[a-z]+)*\.ts$/.test(path.split('/').at(-1)!))
        .map(({ path }) => path),
    ).toEqual([]);
  });
});
