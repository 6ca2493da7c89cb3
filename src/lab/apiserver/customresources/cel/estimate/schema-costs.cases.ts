/** Costs of rules of schemas of all kinds, as kube-apiserver 1.36.3 estimates them. */
import type { Exceeded } from './rule-costs.cases.ts';

export const schemaCosts: { name: string; spec: string; exceeded: Exceeded }[] = [
  {
    name: 'unbounded: rule at items',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"type":"object","properties":{"s":{"type":"string"}},"x-kubernetes-validations":[{"rule":"self.s.contains(\'a\')"},{"rule":"self.s.size() > 1"}]}}}}',
    exceeded: [1, 'more than 100x'],
  },
  {
    name: 'unbounded: rule at list',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"type":"integer"},"x-kubernetes-validations":[{"rule":"self.all(x, self.all(y, x != y))"}]}}}',
    exceeded: [1, 'more than 100x'],
  },
  {
    name: 'bounded: rule at items',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"type":"object","properties":{"s":{"type":"string"}},"x-kubernetes-validations":[{"rule":"self.s.contains(\'a\')"},{"rule":"self.s.size() > 1"}]},"maxItems":100}}}',
    exceeded: [1, '3.1x'],
  },
  {
    name: 'bounded: rule at items of items',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"type":"array","items":{"type":"string","maxLength":10,"x-kubernetes-validations":[{"rule":"self.startsWith(\'abc\')"},{"rule":"self != \'\'"}]},"maxItems":100},"maxItems":100}}}',
    exceeded: [3000, '6.0x', '3.0x'],
  },
  {
    name: 'bounded: rule at values',
    spec: '{"type":"object","properties":{"l":{"type":"object","additionalProperties":{"type":"integer","x-kubernetes-validations":[{"rule":"self > 3"}]},"maxProperties":30}}}',
    exceeded: [300000, '1.8x'],
  },
  {
    name: 'bounded: rule at list',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"type":"integer"},"maxItems":100,"x-kubernetes-validations":[{"rule":"self.all(x, self.all(y, x != y))"}]}}}',
    exceeded: [300, '1.5x'],
  },
  {
    name: 'bounded: list of required objects',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"},"c":{"type":"boolean"},"d":{"type":"string","format":"date-time"},"e":{"type":"string","default":"x"}},"required":["a","b","c","d","e"],"x-kubernetes-validations":[{"rule":"self.a == \'b\'"}]},"maxItems":100}}}',
    exceeded: [300000, '9.0x'],
  },
  {
    name: 'text unbounded contains',
    spec: '{"type":"object","properties":{"s":{"type":"string"}},"x-kubernetes-validations":[{"rule":"self.s.contains(\'abcdefghijkl\')"}]}',
    exceeded: [300, '18.9x'],
  },
  {
    name: 'text unbounded contains itself',
    spec: '{"type":"object","properties":{"s":{"type":"string"}},"x-kubernetes-validations":[{"rule":"self.s.contains(self.s)"}]}',
    exceeded: [1, 'more than 100x'],
  },
  {
    name: 'text bounded contains itself',
    spec: '{"type":"object","properties":{"s":{"type":"string","maxLength":1000}},"x-kubernetes-validations":[{"rule":"self.s.contains(self.s)"}]}',
    exceeded: [300, '4.8x'],
  },
  {
    name: 'text matches',
    spec: '{"type":"object","properties":{"s":{"type":"string"}},"x-kubernetes-validations":[{"rule":"self.s.matches(\'^(a|b|c|d|e|f|g|h)+$\')"}]}',
    exceeded: [300, '47.2x'],
  },
  {
    name: 'pattern of a field',
    spec: '{"type":"object","properties":{"s":{"type":"string","maxLength":100},"p":{"type":"string","maxLength":100}},"x-kubernetes-validations":[{"rule":"self.s.matches(self.p)"}]}',
    exceeded: [3000, '1.231200x'],
  },
  {
    name: 'bytes',
    spec: '{"type":"object","properties":{"b":{"type":"string","format":"byte"},"c":{"type":"string","format":"byte"}},"x-kubernetes-validations":[{"rule":"self.b == self.c"},{"rule":"string(self.b).contains(\'abc\')"}]}',
    exceeded: [300, '9.4x', '18.9x'],
  },
  {
    name: 'int or string',
    spec: '{"type":"object","properties":{"x":{"x-kubernetes-int-or-string":true}},"x-kubernetes-validations":[{"rule":"type(self.x) == string ? self.x.contains(\'abc\') : self.x > 1"}]}',
    exceeded: [300, '9.4x'],
  },
  {
    name: 'int or string eq',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"x-kubernetes-int-or-string":true}}},"x-kubernetes-validations":[{"rule":"self.l.all(x, x == self.l[0])"}]}',
    exceeded: [1, 'more than 100x'],
  },
  {
    name: 'times',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"type":"string","format":"date-time"}},"d":{"type":"array","items":{"type":"string","format":"duration"}}},"x-kubernetes-validations":[{"rule":"self.l.all(x, x > timestamp(\'2020-01-01T00:00:00Z\'))"},{"rule":"self.d.all(x, x == duration(\'1s\'))"}]}',
    exceeded: [300, '25.7x', 'more than 100x'],
  },
  {
    name: 'message',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"type":"string"}}},"x-kubernetes-validations":[{"rule":"true","messageExpression":"self.l.map(x, x + \'a\').join(\'b\') + \'c\'"}]}',
    exceeded: [1, 'more than 100x'],
  },
  {
    name: 'transition',
    spec: '{"type":"object","properties":{"l":{"type":"array","items":{"type":"string"}}},"x-kubernetes-validations":[{"rule":"self.l.all(x, x in oldSelf.l)"}]}',
    exceeded: [1, 'more than 100x'],
  },
  {
    name: 'nested unbounded',
    spec: '{"type":"object","properties":{"a":{"type":"array","items":{"type":"array","items":{"type":"array","items":{"type":"string"}}}}},"x-kubernetes-validations":[{"rule":"self.a.all(x, x.all(y, y.all(z, z == \'a\')))"}]}',
    exceeded: [1, 'more than 100x'],
  },
  {
    name: 'bind',
    spec: '{"type":"object","properties":{"a":{"type":"string","maxLength":10}},"x-kubernetes-validations":[{"rule":"optional.of(self.a).optMap(v, v + \'b\').orValue(\'\') == \'\'"}]}',
    exceeded: [1, 'more than 100x'],
  },
  {
    name: 'cond list',
    spec: '{"type":"object","properties":{"a":{"type":"array","items":{"type":"string","maxLength":5},"maxItems":9}},"x-kubernetes-validations":[{"rule":"(self.a.size() > 1 ? self.a : [\'x\']).all(z, z.contains(\'b\'))"}]}',
    exceeded: [300000, '1.5x'],
  },
  {
    name: 'two maps',
    spec: '{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"n":{"type":"string","maxLength":63}}},"maxItems":1000}},"x-kubernetes-validations":[{"rule":"self.a.all(p1, self.a.exists_one(p2, p1.n == p2.n))"}]}',
    exceeded: [1, '3.2x'],
  },
  {
    name: 'metadata',
    spec: '{"type":"object","properties":{"n":{"type":"string","maxLength":9}},"x-kubernetes-validations":[{"rule":"self.n.startsWith(\'a\') && self.n.endsWith(\'b\')"}]}',
    exceeded: [3000000, '1.8x'],
  },
];
