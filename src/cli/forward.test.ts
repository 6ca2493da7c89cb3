import { describe, expect, test } from 'vitest';
import { parsePorts } from './forward.ts';

describe('[LOCAL:]PORT', () => {
  test.each([
    { text: '80', ports: { local: undefined, remote: '80' } },
    { text: '8080:80', ports: { local: 8080, remote: '80' } },
    { text: ':80', ports: { local: 0, remote: '80' } },
    { text: '8080:http', ports: { local: 8080, remote: 'http' } },
  ])('$text', ({ text, ports }) => {
    expect(parsePorts(text)).toEqual(ports);
  });

  test.each(['', ':', '0', '65536', '70000:80', 'a:b', '1:2:3', '-1'])('%s is none', (text) => {
    expect(() => parsePorts(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
