/** Paths, methods and headers as only odd clients send them; discovery. */
import type { Case } from '../case.ts';
import { configMap, core, get, post } from './objects.ts';

const maps = `${core}/configmaps`;
const paths = [
  '/api',
  '/apis',
  '/api/',
  '/api/v1/',
  '/apis/apps',
  '/apis/apps/v1',
  '/apis/apps/v9',
  '/apis/none',
  '/apis/none/v1',
  '/api/v2',
  '/nothing',
  '/healthz',
  '/livez',
  '/readyz',
  '/livez/ping',
  '/healthz/',
  '/',
  '/version/',
  '/openapi',
  '/openapi/v3/nothing',
  `${maps}/`,
  `${maps}/m/`,
  `${maps}/m/nothing`,
  `${maps}/a%2fb`,
  `${maps}/a%2Fb`,
  `${maps}/..%2fsecrets`,
  `${core}/../{ns}/configmaps/m`,
  `${core}//configmaps`,
  `/api//v1/namespaces`,
  '/api/v1/namespaces//configmaps',
  `${maps}/%6d`,
  `${maps}/%zz`,
  `${maps}/m?pretty=true&x=%zz`,
  '/api/v1/namespaces/{ns}/nodes',
  '/api/v1/nodes/a/b',
  '/apis/apps/v1/configmaps',
  '/api/v1/configmaps/m',
  `${core}/none`,
  `${core}/pods/none/log`,
  `${core}/pods/none/exec`,
  '/api/v1/pods/x',
  '/api/v1/namespaces/{ns}/status',
  '/api/v1/namespaces/none/configmaps',
  '/api/v1/namespaces/none/configmaps/x',
];
const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'FLY'];

export const pathCases: Case[] = [
  { name: 'paths', steps: [post(maps, configMap('m')), ...paths.map((path) => get(path))], compares: 'code' },
  {
    name: 'methods',
    steps: [
      post(maps, configMap('m')),
      { method: 'HEAD', path: `${maps}/m` },
      ...methods.map((method) => ({ method, path: `${maps}/none` })),
      ...methods.filter((m) => m !== 'DELETE').map((method) => ({ method, path: maps })),
      ...methods.map((method) => ({ method, path: '/api/v1' })),
      ...methods.map((method) => ({ method, path: '/healthz' })),
      ...methods.map((method) => ({ method, path: `${core}/pods/none/log` })),
    ],
    compares: 'code',
  },
];
