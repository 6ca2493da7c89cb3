// A webhook for tests, in a pod or on the machine:
//
//	node webhook.mjs CERT_DIRECTORY PORT NAME
//
//	/validate   refuses objects with the label cat, and warns of those with the label dog
//	/mutate     adds the label seen-by with its name
//	/convert    Widgets: v1 has a size, v1beta1 has it as text
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [directory, port, name] = process.argv.slice(2);

function validate({ object }) {
  const labels = object?.metadata?.labels ?? {};
  if ('cat' in labels) return { allowed: false, status: { message: `${name} lets no cats in` } };
  return { allowed: true, warnings: 'dog' in labels ? [`${name} has seen a dog`] : [] };
}

function mutate({ object }) {
  const { labels } = object.metadata;
  const operations = [
    ...(labels === undefined ? [{ op: 'add', path: '/metadata/labels', value: {} }] : []),
    { op: 'add', path: '/metadata/labels/seen-by', value: name },
  ];
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { allowed: true, patchType: 'JSONPatch', patch };
}

function convert({ objects, desiredAPIVersion }) {
  const convertedObjects = objects.map((object) => {
    const { size, sizeText } = object.spec;
    const spec = desiredAPIVersion.endsWith('/v1') ? { size: Number.parseInt(sizeText, 10) } : { sizeText: `${size}cm` };
    return { ...object, apiVersion: desiredAPIVersion, spec };
  });
  return { result: { status: 'Success' }, convertedObjects };
}

const answers = { '/validate': validate, '/mutate': mutate, '/convert': convert };

const tls = Object.fromEntries(['crt', 'key'].map((part) => [part, readFileSync(`${directory}/tls.${part}`)]));
const server = createServer({ cert: tls.crt, key: tls.key }, async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const { request: asked, ...review } = JSON.parse(text);
  const answer = answers[request.url.replace(/\?.*/, '')](asked);
  response.end(JSON.stringify({ ...review, response: { uid: asked.uid, ...answer } }));
});
server.listen(Number(port), () => console.log(`listening on ${server.address().port}`));
