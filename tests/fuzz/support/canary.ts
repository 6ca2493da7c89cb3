/** Objects that nobody asks to change: they are as they were whatever else was asked, and time only goes on. */
import { isDeepStrictEqual } from 'node:util';
import type { ApiServer } from '../../../src/lab/apiserver/api-server.ts';
import type { JsonObject } from '../../../src/lab/apiserver/json.ts';

const namespace = 'canary';
const objects: [url: string, object: JsonObject][] = [
  ['/api/v1/namespaces', { metadata: { name: namespace } }],
  [`/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: 'c' }, data: { key: 'value' } }],
  [
    `/api/v1/namespaces/${namespace}/services`,
    { metadata: { name: 'c', labels: { a: 'b' } }, spec: { ports: [{ port: 80 }] } },
  ],
  [
    `/apis/apps/v1/namespaces/${namespace}/deployments`,
    {
      metadata: { name: 'c', annotations: { a: 'b' } },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: {
          metadata: { labels: { a: 'b' } },
          spec: { containers: [{ name: 'c', image: 'nginx:1', env: [{ name: 'A', value: '1' }] }] },
        },
      },
    },
  ],
];

export class Canary {
  readonly #server: ApiServer;
  #before: JsonObject[] = [];
  #version = 0;

  private constructor(server: ApiServer) {
    this.#server = server;
  }

  static async on(server: ApiServer): Promise<Canary> {
    const canary = new Canary(server);
    for (const [path, body] of objects) await canary.#ask('POST', path, body);
    canary.#before = await canary.#read();
    return canary;
  }

  /** @throws where one is another than it was, or the newest resource version is older than one seen before */
  async check(): Promise<void> {
    const now = await this.#read();
    if (!isDeepStrictEqual(now, this.#before))
      throw new Error(`an object has changed: ${JSON.stringify(now)} was ${JSON.stringify(this.#before)}`);
    const { metadata } = await this.#ask('GET', '/api/v1/configmaps?limit=1');
    const version = Number(metadata.resourceVersion);
    if (!(version >= this.#version))
      throw new Error(`resourceVersion ${metadata.resourceVersion} after ${this.#version}`);
    this.#version = version;
  }

  async #ask(method: string, url: string, body?: JsonObject): Promise<JsonObject> {
    const { pathname: path, searchParams: query } = new URL(url, 'http://server');
    const answer = await this.#server.handle({ method, path, query, body });
    if (!('body' in answer) || answer.status > 201) throw new Error(`${method} ${url}: ${answer.status}`);
    return answer.body as JsonObject;
  }

  #read(): Promise<JsonObject[]> {
    return Promise.all(objects.map(([path, { metadata }]) => this.#ask('GET', `${path}/${metadata.name}`)));
  }
}
