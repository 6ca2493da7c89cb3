/** What kube-apiserver 1.36.3 says of rules' costs: where it takes a rule, how many of its kind make it too much. */
/** By how much the limit is exceeded where the schema is that of so many items of a list; of 1 as it is. */
export type Exceeded = [items: number, ...factors: string[]];

export interface RuleCosts {
  rule: string;
  unbounded: Exceeded;
  bounded: Exceeded;
}

export const textsCosts: RuleCosts[] = [
  { rule: 'self.a.all(x, self.b.all(y, x != y))', unbounded: [1, 'more than 100x'], bounded: [300, '3.9x'] },
  { rule: "self.a.exists(x, x.contains('ab'))", unbounded: [1, 'more than 100x'], bounded: [30000, '3.9x'] },
  { rule: 'self.a.map(x, x.size()).size() > 1', unbounded: [1, '1.468006x'], bounded: [30000, '4.2x'] },
  {
    rule: "self.a.filter(x, x.matches('^[a-z]+$')).all(y, y != '')",
    unbounded: [1, 'more than 100x'],
    bounded: [3000, '1.084200x'],
  },
  { rule: 'self.a == self.b', unbounded: [300, '3.1x'], bounded: [3000000, '4.2x'] },
  { rule: 'self.a.isSorted()', unbounded: [1, 'more than 100x'], bounded: [30000, '2.7x'] },
  { rule: "self.a.join(',').contains('abc')", unbounded: [1, 'more than 100x'], bounded: [30000, '4.9x'] },
  { rule: "'x' in self.a", unbounded: [300, '31.5x'], bounded: [300000, '3.1x'] },
  { rule: 'self.a + self.b == []', unbounded: [3000000, '4.5x'], bounded: [3000000, '4.5x'] },
  {
    rule: "self.a[0].replace('a', 'bbb').contains('b')",
    unbounded: [300, '47.2x'],
    bounded: [300000, '1.290000x'],
  },
  {
    rule: 'self.a.all(x, self.b.all(y, self.a.all(z, x + y == z)))',
    unbounded: [1, 'more than 100x'],
    bounded: [1, '3.0x'],
  },
  { rule: 'sets.contains(self.a, self.b)', unbounded: [1, 'more than 100x'], bounded: [3000, '3.0x'] },
  {
    rule: 'self.a.all(x, self.b.exists(y, y in self.a))',
    unbounded: [1, 'more than 100x'],
    bounded: [300, '32.1x'],
  },
  { rule: "self.a.indexOf('a') > 0", unbounded: [1, 'more than 100x'], bounded: [30000, '2.7x'] },
  { rule: 'size(self.a) > 1', unbounded: [3000000, '1.200000x'], bounded: [3000000, '1.200000x'] },
  {
    rule: "self.a.map(x, x + 'a').all(z, z.contains('a'))",
    unbounded: [1, 'more than 100x'],
    bounded: [30000, '7.8x'],
  },
  { rule: "self.a[0].find('a+') == ''", unbounded: [300, '9.4x'], bounded: [3000000, '3.6x'] },
  { rule: "self.a[0].split(',').all(p, p.size() > 1)", unbounded: [1, '2.0x'], bounded: [30000, '1.5x'] },
  { rule: 'self.a.all(x, x.lowerAscii() == x)', unbounded: [1, 'more than 100x'], bounded: [30000, '6.3x'] },
  {
    rule: "self.a.all(x, string(x).upperAscii().trim() == 'A')",
    unbounded: [1, 'more than 100x'],
    bounded: [1, 'more than 100x'],
  },
  {
    rule: "self.a.all(x, isURL(x) && url(x).getHost() == 'a')",
    unbounded: [1, 'more than 100x'],
    bounded: [30000, '4.8x'],
  },
  {
    rule: "self.a.all(x, quantity(x).isGreaterThan(quantity('1')))",
    unbounded: [1, 'more than 100x'],
    bounded: [30000, '4.2x'],
  },
  {
    rule: 'self.a.all(x, isIP(x) && ip(x).family() == 4)',
    unbounded: [1, 'more than 100x'],
    bounded: [30000, '6.9x'],
  },
  {
    rule: "self.a.all(x, cidr(x).containsIP('10.0.0.1'))",
    unbounded: [1, 'more than 100x'],
    bounded: [30000, '5.1x'],
  },
  {
    rule: "self.a.all(x, cidr('10.0.0.0/8').containsIP(x))",
    unbounded: [1, 'more than 100x'],
    bounded: [30000, '5.1x'],
  },
  { rule: "self.a.all(x, x in ['a', 'b', 'c'])", unbounded: [1, '1.8x'], bounded: [30000, '5.1x'] },
  {
    rule: "self.a.transformList(i, x, x + 'b').size() == 1",
    unbounded: [1, 'more than 100x'],
    bounded: [30000, '6.6x'],
  },
  {
    rule: 'self.a.all(x, self.b.filter(y, x == y).size() == 1)',
    unbounded: [1, 'more than 100x'],
    bounded: [300, '7.0x'],
  },
  { rule: "self.a.all(x, '%s'.format([x]) == 'b')", unbounded: [1, '1.7x'], bounded: [30000, '4.8x'] },
  {
    rule: "self.?a[0].orValue('') == ''",
    unbounded: [3000000, '1.200000x'],
    bounded: [3000000, '1.200000x'],
  },
  { rule: "self.a.all(x, ['a','b'].exists(y, x == y))", unbounded: [1, '2.7x'], bounded: [30000, '7.8x'] },
  { rule: "self.a.max() == 'a'", unbounded: [1, 'more than 100x'], bounded: [30000, '2.7x'] },
  {
    rule: "self.a.all(x, x.lastIndexOf('a') == 1)",
    unbounded: [1, 'more than 100x'],
    bounded: [30000, '3.9x'],
  },
  {
    rule: 'self.a.all(x, self.b.all(y, self.a.all(z, self.b.all(w, x == y && z == w))))',
    unbounded: [1, 'more than 100x'],
    bounded: [1, 'more than 100x'],
  },
];

export const objectsCosts: RuleCosts[] = [
  { rule: "self.m.all(k, self.m[k] == 'a')", unbounded: [300, '94.4x'], bounded: [30000, '1.209000x'] },
  { rule: "self.m.all(k, k.startsWith('x'))", unbounded: [300, '59.0x'], bounded: [300000, '7.6x'] },
  { rule: "self.m.exists(k, v, v == 'b')", unbounded: [300, '70.8x'], bounded: [300000, '9.1x'] },
  {
    rule: "self.o.all(k, self.o[k].n > 1 && self.o[k].s.contains('a'))",
    unbounded: [1, 'more than 100x'],
    bounded: [1, '1.6x'],
  },
  { rule: 'self.i.all(x, self.i.all(y, x >= y))', unbounded: [1, 'more than 100x'], bounded: [300, '1.8x'] },
  { rule: 'self.i.sum() > 3', unbounded: [300, '47.2x'], bounded: [300000, '3.1x'] },
  { rule: 'self.l.all(x, x.v.all(y, y > 1))', unbounded: [1, 'more than 100x'], bounded: [300, '1.5x'] },
  {
    rule: 'self.l.all(x, self.l.filter(y, y.k == x.k).size() == 1)',
    unbounded: [1, 'more than 100x'],
    bounded: [1, 'more than 100x'],
  },
  { rule: 'self.m.size() > 1', unbounded: [3000000, '1.200000x'], bounded: [3000000, '1.200000x'] },
  { rule: 'self.i.max() > self.i.min()', unbounded: [300, '94.4x'], bounded: [300000, '6.2x'] },
  { rule: 'self.l.exists(x, x.k in self.m)', unbounded: [300, '84.9x'], bounded: [30000, '2.7x'] },
  {
    rule: 'self.l.all(x, x.v.exists(y, y in self.i))',
    unbounded: [1, 'more than 100x'],
    bounded: [300, '32.1x'],
  },
];
