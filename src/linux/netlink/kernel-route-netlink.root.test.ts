import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNetns, deleteNetns, openNetns } from '../netns/netns.ts';
import { openRouteNetlink } from './kernel-route-netlink.ts';
import { describeRouteNetlink } from './route-netlink.cases.ts';

describeRouteNetlink('the kernel', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-netlink-'));
  const paths = ['here', 'there'].map((name) => join(directory, name));
  for (const path of paths) createNetns(path);
  const [here, there] = paths.map(openNetns);
  return {
    netns: [here!, there!],
    open: openRouteNetlink,
    tearDown: () => {
      here!.close();
      there!.close();
      paths.map(deleteNetns);
      rmSync(directory, { recursive: true });
    },
  };
});
