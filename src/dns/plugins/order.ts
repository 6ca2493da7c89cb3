/**
 * All plugins of CoreDNS 1.14, in the order that its plugin.cfg has them in: every plugin feels the effects of those
 * before it, wherever a Corefile names them. Those without a set-up are ones that Tendril lacks: a Corefile that
 * names one is refused.
 */
import type { KnownPlugin } from '../server-blocks/block.ts';
import { setup as acl } from './acl/setup.ts';
import { setup as any } from './any/setup.ts';
import { setup as autopath } from './autopath/setup.ts';
import { setup as bind } from './bind/setup.ts';
import { setup as bufsize } from './bufsize/setup.ts';
import { setup as cache } from './cache/setup.ts';
import { setup as cancel } from './cancel/setup.ts';
import { setup as chaos } from './chaos/setup.ts';
import { setup as debug } from './debug/setup.ts';
import { setup as dns64 } from './dns64/setup.ts';
import { setup as errors } from './errors/setup.ts';
import { setup as file } from './file/setup.ts';
import { setup as forward } from './forward/setup.ts';
import { setup as header } from './header/setup.ts';
import { setup as health } from './health/setup.ts';
import { setup as hosts } from './hosts/setup.ts';
import { setup as k8sExternal } from './k8s_external/setup.ts';
import { setup as kubernetes } from './kubernetes/setup.ts';
import { setup as loadbalance } from './loadbalance/setup.ts';
import { setup as local } from './local/setup.ts';
import { setup as log } from './log/setup.ts';
import { setup as loop } from './loop/setup.ts';
import { setup as metadata } from './metadata/setup.ts';
import { setup as minimal } from './minimal/setup.ts';
import { setup as nsid } from './nsid/setup.ts';
import { setup as prometheus } from './prometheus/setup.ts';
import { setup as ready } from './ready/setup.ts';
import { setup as reload } from './reload/setup.ts';
import { setup as rewrite } from './rewrite/setup.ts';
import { setup as root } from './root/setup.ts';
import { setup as template } from './template/setup.ts';
import { setup as tls } from './tls/setup.ts';
import { setup as transfer } from './transfer/setup.ts';
import { setup as view } from './view/setup.ts';
import { setup as whoami } from './whoami/setup.ts';

export const plugins: readonly KnownPlugin[] = [
  { name: 'root', setup: root },
  { name: 'metadata', setup: metadata },
  { name: 'geoip' },
  { name: 'cancel', setup: cancel },
  { name: 'proxyproto' },
  { name: 'quic' },
  { name: 'grpc_server' },
  { name: 'https' },
  { name: 'https3' },
  { name: 'timeouts' },
  { name: 'multisocket' },
  { name: 'reload', setup: reload },
  { name: 'nsid', setup: nsid },
  { name: 'bufsize', setup: bufsize },
  { name: 'bind', setup: bind },
  { name: 'debug', setup: debug },
  { name: 'trace' },
  { name: 'ready', setup: ready },
  { name: 'health', setup: health },
  { name: 'pprof' },
  { name: 'shed' },
  { name: 'prometheus', setup: prometheus },
  { name: 'errors', setup: errors },
  { name: 'log', setup: log },
  { name: 'dnstap' },
  { name: 'local', setup: local },
  { name: 'dns64', setup: dns64 },
  { name: 'any', setup: any },
  { name: 'chaos', setup: chaos },
  { name: 'loadbalance', setup: loadbalance },
  { name: 'tsig' },
  { name: 'rewrite', setup: rewrite },
  { name: 'autopath', setup: autopath },
  { name: 'acl', setup: acl },
  { name: 'cache', setup: cache },
  { name: 'header', setup: header },
  { name: 'dnssec' },
  { name: 'tls', setup: tls },
  { name: 'minimal', setup: minimal },
  { name: 'template', setup: template },
  { name: 'transfer', setup: transfer },
  { name: 'hosts', setup: hosts },
  { name: 'route53' },
  { name: 'azure' },
  { name: 'clouddns' },
  { name: 'k8s_external', setup: k8sExternal },
  { name: 'kubernetes', setup: kubernetes },
  { name: 'file', setup: file },
  { name: 'auto' },
  { name: 'secondary' },
  { name: 'etcd' },
  { name: 'loop', setup: loop },
  { name: 'forward', setup: forward },
  { name: 'grpc' },
  { name: 'erratic' },
  { name: 'whoami', setup: whoami },
  { name: 'on' },
  { name: 'sign' },
  { name: 'view', setup: view },
  { name: 'nomad' },
];
