/** The shared suite of ServiceBackend on the kernel's maps, with all hooks attached. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createNetns, deleteNetns, openNetns } from '../../src/linux/netns/netns.ts';
import { backendCases } from '../../src/service/backend.cases.ts';
import { Datapath } from '../../src/service/backends/ebpf/datapath.ts';
import { EbpfServiceBackend } from '../../src/service/backends/ebpf/ebpf-backend.ts';
import { trace } from '../../src/service/backends/ebpf/testing-datapath.ts';
import { bpfIn, cgroupMount, inside, objectsDirectory } from './cluster.ts';

backendCases('ebpf in the kernel', () => {
  const root = mkdtempSync(join(tmpdir(), 'tendril-backend-'));
  const [bpffs, netnsPath, cgroup] = [
    join(root, 'bpf'),
    join(root, 'node'),
    join(cgroupMount(), basename(root)),
  ];
  mkdirSync(bpffs);
  execFileSync('mount', ['-t', 'bpf', 'bpf', bpffs]);
  mkdirSync(cgroup);
  createNetns(netnsPath);
  const netns = openNetns(netnsPath);
  inside(netnsPath, 'ip link add eth0 index 7 type veth peer name far');
  const datapaths: Datapath[] = [];
  const backend = () => {
    const datapath = new Datapath({
      bpf: bpfIn(netns),
      objectsDirectory,
      pinDirectory: join(bpffs, 'node'),
      cgroup,
      uplinkIfindex: 7,
      netnsCookie: 1n,
    });
    datapaths.push(datapath);
    return new EbpfServiceBackend(datapath);
  };
  return {
    backend: backend(),
    where: (packet) => trace(datapaths.at(-1)!, packet),
    restarted: backend,
    close() {
      for (const datapath of datapaths) datapath.close();
      netns.close();
      deleteNetns(netnsPath);
      execFileSync('umount', ['-l', bpffs]);
      rmdirSync(cgroup);
      rmSync(root, { recursive: true });
    },
  };
});
