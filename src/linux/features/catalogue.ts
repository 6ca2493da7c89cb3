/** The kernel features that Tendril may need: how each is tried, since when it exists, what to do without it. */
import { encodeAttributes, u8 } from '../netlink/attribute.ts';
import { attachType, programType } from './bpf-probe.ts';
import type { Probe } from './probes.ts';
import * as probes from './probes.ts';

export interface Feature {
  /** The first kernel version that has it, where its options are built in. */
  minimumKernel: string;
  /** What to do where it is missing. */
  remedy: string;
  probe: Probe;
}

const module = (name: string, option: string): string =>
  `load the kernel module (modprobe ${name}) or build the kernel with ${option}`;
const built = (option: string): string => `use a kernel built with ${option}`;
const ipsetProtocol = encodeAttributes([u8(1, 6)]);

const SO_COOKIE = 57;
const SO_NETNS_COOKIE = 71;
const IPPROTO_SCTP = 132;

export const catalogue = {
  // What every node needs.
  cgroup2: {
    minimumKernel: '5.14',
    remedy: 'mount a cgroup2 hierarchy: mount -t cgroup2 none /sys/fs/cgroup/unified',
    probe: probes.cgroup2,
  },
  bpffs: { minimumKernel: '4.4', remedy: built('CONFIG_BPF_SYSCALL'), probe: probes.bpffs },
  btf: {
    minimumKernel: '5.4',
    remedy: built('CONFIG_DEBUG_INFO_BTF'),
    probe: probes.readable('/sys/kernel/btf/vmlinux'),
  },
  'cgroup-sock-addr': {
    minimumKernel: '5.8',
    remedy: built('CONFIG_CGROUP_BPF'),
    probe: probes.cgroupSockAddr,
  },
  clsact: {
    minimumKernel: '4.5',
    remedy: module('sch_ingress', 'CONFIG_NET_SCH_INGRESS'),
    probe: probes.queueingDiscipline('clsact'),
  },
  tcx: {
    minimumKernel: '6.6',
    remedy: 'use Linux 6.6 or newer; older ones attach with clsact',
    probe: probes.tcx,
  },
  xdp: {
    minimumKernel: '5.9',
    remedy: built('CONFIG_BPF_SYSCALL and a driver that has XDP'),
    probe: probes.xdp,
  },
  'sock-ops': {
    minimumKernel: '4.13',
    remedy: built('CONFIG_CGROUP_BPF'),
    probe: probes.program(programType.sockOps, attachType.sockOps),
  },
  'sk-msg': {
    minimumKernel: '4.17',
    remedy: built('CONFIG_NET_SOCK_MSG'),
    probe: probes.program(programType.skMsg, attachType.skMsgVerdict),
  },
  'sk-lookup': {
    minimumKernel: '5.9',
    remedy: built('CONFIG_BPF_SYSCALL and CONFIG_INET'),
    probe: probes.program(programType.skLookup, attachType.skLookup),
  },
  'nf-tables': {
    minimumKernel: '5.2',
    remedy: `install nftables, and ${module('nf_tables', 'CONFIG_NF_TABLES, CONFIG_NFT_NAT and CONFIG_NFT_MASQ')}`,
    probe: probes.nfTables,
  },
  veth: { minimumKernel: '2.6.24', remedy: module('veth', 'CONFIG_VETH'), probe: probes.linkKind('veth') },
  bridge: {
    minimumKernel: '3.0',
    remedy: module('bridge', 'CONFIG_BRIDGE'),
    probe: probes.linkKind('bridge'),
  },
  ipv6: {
    minimumKernel: '3.0',
    remedy: 'switch IPv6 on (net.ipv6.conf.default.disable_ipv6=0), or use IPv4 alone',
    probe: probes.ipv6,
  },
  'so-cookie': {
    minimumKernel: '4.12',
    remedy: 'use Linux 6.1 or newer',
    probe: probes.socketOption(SO_COOKIE),
  },
  'so-netns-cookie': {
    minimumKernel: '5.14',
    remedy: 'use Linux 6.1 or newer',
    probe: probes.socketOption(SO_NETNS_COOKIE),
  },

  // What some configurations need.
  vxlan: { minimumKernel: '3.7', remedy: module('vxlan', 'CONFIG_VXLAN'), probe: probes.linkKind('vxlan') },
  geneve: {
    minimumKernel: '4.2',
    remedy: module('geneve', 'CONFIG_GENEVE'),
    probe: probes.linkKind('geneve'),
  },
  ipip: { minimumKernel: '3.0', remedy: module('ipip', 'CONFIG_NET_IPIP'), probe: probes.linkKind('ipip') },
  wireguard: {
    minimumKernel: '5.6',
    remedy: module('wireguard', 'CONFIG_WIREGUARD'),
    probe: probes.linkKind('wireguard'),
  },
  dummy: { minimumKernel: '3.0', remedy: module('dummy', 'CONFIG_DUMMY'), probe: probes.linkKind('dummy') },
  ifb: { minimumKernel: '3.0', remedy: module('ifb', 'CONFIG_IFB'), probe: probes.linkKind('ifb') },
  macvlan: {
    minimumKernel: '3.0',
    remedy: module('macvlan', 'CONFIG_MACVLAN'),
    probe: probes.linkKind('macvlan'),
  },
  ipvlan: {
    minimumKernel: '3.19',
    remedy: module('ipvlan', 'CONFIG_IPVLAN'),
    probe: probes.linkKind('ipvlan'),
  },
  vlan: {
    minimumKernel: '3.0',
    remedy: module('8021q', 'CONFIG_VLAN_8021Q'),
    probe: probes.linkKind('vlan'),
  },
  vrf: { minimumKernel: '4.3', remedy: module('vrf', 'CONFIG_NET_VRF'), probe: probes.linkKind('vrf') },
  netkit: { minimumKernel: '6.7', remedy: built('CONFIG_NETKIT'), probe: probes.linkKind('netkit') },
  tun: { minimumKernel: '3.0', remedy: module('tun', 'CONFIG_TUN'), probe: probes.readable('/dev/net/tun') },
  tbf: {
    minimumKernel: '3.0',
    remedy: module('sch_tbf', 'CONFIG_NET_SCH_TBF'),
    probe: probes.queueingDiscipline('tbf'),
  },
  fq: {
    minimumKernel: '3.12',
    remedy: module('sch_fq', 'CONFIG_NET_SCH_FQ'),
    probe: probes.queueingDiscipline('fq'),
  },
  netem: {
    minimumKernel: '3.0',
    remedy: module('sch_netem', 'CONFIG_NET_SCH_NETEM'),
    probe: probes.queueingDiscipline('netem'),
  },
  ipvs: {
    minimumKernel: '3.0',
    remedy: module('ip_vs', 'CONFIG_IP_VS'),
    probe: probes.genericFamily('IPVS'),
  },
  ipset: {
    minimumKernel: '3.0',
    remedy: module('ip_set', 'CONFIG_IP_SET'),
    probe: probes.netfilter('ipset', { subsystem: 6, command: 1, attributes: ipsetProtocol }),
  },
  conntrack: {
    minimumKernel: '3.0',
    remedy: module('nf_conntrack_netlink', 'CONFIG_NF_CT_NETLINK'),
    // IPCTNL_MSG_CT_GET_STATS: one answer, whatever the table holds.
    probe: probes.netfilter('conntrack', { subsystem: 1, command: 5 }),
  },
  sctp: {
    minimumKernel: '3.0',
    remedy: module('sctp', 'CONFIG_IP_SCTP'),
    probe: probes.socketOf(4, IPPROTO_SCTP),
  },
} as const satisfies Record<string, Feature>;

export type FeatureName = keyof typeof catalogue;
