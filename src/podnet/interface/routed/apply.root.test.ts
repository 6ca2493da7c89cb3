import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRouteNetlink } from '../../../linux/netlink/kernel-route-netlink.ts';
import { createNetns, deleteNetns, openNetns } from '../../../linux/netns/netns.ts';
import { writeSysctl } from '../../../linux/sysctl/sysctl.ts';
import { describePodInterface } from '../pod-interface.cases.ts';
import { createRoutedInterface } from './apply.ts';

describePodInterface('routed, by the kernel', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-routed-'));
  const paths = ['node', 'pod-1', 'pod-2'].map((name) => join(directory, name));
  for (const path of paths) createNetns(path);
  const nodeNetns = openNetns(paths[0]!);
  const node = openRouteNetlink(nodeNetns);
  const podInterface = createRoutedInterface({
    node,
    situation: () => ({ mtu: 1500, sources: [], ipv6: true }),
    namespaces: {
      open: openNetns,
      netlink: openRouteNetlink,
      // An agent's thread is in the node's namespace; a test's is not.
      sysctl: (netns, values) => writeSysctl(netns ?? nodeNetns, values),
    },
  });
  return {
    podInterface,
    node,
    pods: [paths[1]!, paths[2]!],
    openPod: (path) => {
      using netns = openNetns(path);
      return openRouteNetlink(netns);
    },
    tearDown: () => {
      node.close();
      nodeNetns.close();
      for (const path of paths) deleteNetns(path);
      rmSync(directory, { recursive: true });
    },
  };
});
