/**
 * What CoreDNS 1.14 answers, as its own tests of the plugin `kubernetes` tell. A line is `question: answers + additionals`.
 * Of an answer's record the owner is left out where it is the question's name, and the TTL where it is 5 s.
 */

export const commonCases = `
svc1.testns.svc.cluster.local A: A 10.0.0.1
svcempty.testns.svc.cluster.local A: A 10.0.0.1
svc1.testns.svc.cluster.local SRV: SRV 0 100 80 svc1.testns.svc.cluster.local + svc1.testns.svc.cluster.local A 10.0.0.1
svcempty.testns.svc.cluster.local SRV: SRV 0 100 80 svcempty.testns.svc.cluster.local + svcempty.testns.svc.cluster.local A 10.0.0.1
svc6.testns.svc.cluster.local SRV: SRV 0 100 80 svc6.testns.svc.cluster.local + svc6.testns.svc.cluster.local AAAA 1234:abcd::1
_http._tcp.svc1.testns.svc.cluster.local SRV: SRV 0 100 80 svc1.testns.svc.cluster.local + svc1.testns.svc.cluster.local A 10.0.0.1
_http._tcp.svcempty.testns.svc.cluster.local SRV: SRV 0 100 80 svcempty.testns.svc.cluster.local + svcempty.testns.svc.cluster.local A 10.0.0.1
hdls1.testns.svc.cluster.local A: A 172.0.0.2, A 172.0.0.3, A 172.0.0.4, A 172.0.0.5
hdlsprtls.testns.svc.cluster.local A: A 172.0.0.20
svc1.testns.svc.cluster.local AAAA: NODATA
svc0.testns.svc.cluster.local AAAA: NXDOMAIN
svc0.testns.svc.cluster.local A: NXDOMAIN
svc0.svc-nons.svc.cluster.local A: NXDOMAIN
dns-version.cluster.local TXT: 28800 TXT 1.1.0
svc1.testns.svc.cluster.local TXT: NODATA
svc0.svc-nons.svc.cluster.local TXT: NXDOMAIN
bogusendpoint.hdls1.testns.svc.cluster.local A: NXDOMAIN
bogusendpoint.svc0.testns.svc.cluster.local A: NXDOMAIN
svc6.testns.svc.cluster.local AAAA: AAAA 1234:abcd::1
_http._tcp.svc6.testns.svc.cluster.local SRV: SRV 0 100 80 svc6.testns.svc.cluster.local + svc6.testns.svc.cluster.local AAAA 1234:abcd::1
hdls1.testns.svc.cluster.local AAAA: AAAA 5678:abcd::1, AAAA 5678:abcd::2
svc.cluster.local A: NODATA
pod.cluster.local A: NODATA
testns.svc.cluster.local A: NODATA
svc.cluster.local NS: NODATA
testns.svc.cluster.local NS: NODATA
foo.cluster.local NS: NXDOMAIN
foo.svc.cluster.local NS: NXDOMAIN
svc-dual-stack.testns.svc.cluster.local A: A 10.0.0.3
svc-dual-stack.testns.svc.cluster.local AAAA: AAAA 10::3
svc-dual-stack.testns.svc.cluster.local SRV: SRV 0 50 80 svc-dual-stack.testns.svc.cluster.local + svc-dual-stack.testns.svc.cluster.local A 10.0.0.3, svc-dual-stack.testns.svc.cluster.local AAAA 10::3
svc1.testns.svc.cluster.local SOA: NODATA
endpoint.external.testns.svc.cluster.local CNAME: NXDOMAIN
subdomain.subdomain.external.testns.svc.cluster.local CNAME: NXDOMAIN
`;

export const serviceCases = `
_http._tcp.hdls1.testns.svc.cluster.local SRV: SRV 0 16 80 172-0-0-2.hdls1.testns.svc.cluster.local, SRV 0 16 80 172-0-0-3.hdls1.testns.svc.cluster.local, SRV 0 16 80 5678-abcd--1.hdls1.testns.svc.cluster.local, SRV 0 16 80 5678-abcd--2.hdls1.testns.svc.cluster.local, SRV 0 16 80 dup-name.hdls1.testns.svc.cluster.local + 172-0-0-2.hdls1.testns.svc.cluster.local A 172.0.0.2, 172-0-0-3.hdls1.testns.svc.cluster.local A 172.0.0.3, 5678-abcd--1.hdls1.testns.svc.cluster.local AAAA 5678:abcd::1, 5678-abcd--2.hdls1.testns.svc.cluster.local AAAA 5678:abcd::2, dup-name.hdls1.testns.svc.cluster.local A 172.0.0.4, dup-name.hdls1.testns.svc.cluster.local A 172.0.0.5
hdls1.testns.svc.cluster.local A: A 172.0.0.2, A 172.0.0.3, A 172.0.0.4, A 172.0.0.5
5678-abcd--2.hdls1.testns.svc.cluster.local AAAA: AAAA 5678:abcd::2
5678-abcd--1.hdls1.testns.svc.cluster.local AAAA: AAAA 5678:abcd::1
172-0-0-20.hdlsprtls.testns.svc.cluster.local A: A 172.0.0.20
172-0-0-2.hdls1.testns.svc.cluster.local A: A 172.0.0.2
172-0-0-3.hdls1.testns.svc.cluster.local A: A 172.0.0.3
dup-name.hdls1.testns.svc.cluster.local A: A 172.0.0.4, A 172.0.0.5
external.testns.svc.cluster.local CNAME: CNAME ext.interwebs.test
external.testns.svc.cluster.local A: ext.interwebs.test A 1.2.3.4, CNAME ext.interwebs.test
external-to-service.testns.svc.cluster.local A: CNAME svc1.testns.svc.cluster.local, svc1.testns.svc.cluster.local A 10.0.0.1
`;

export const multiclusterCases = `
_http._tcp.hdls1.testns.svc.cluster.local SRV: SRV 0 16 80 172-0-0-2.cluster1.hdls1.testns.svc.cluster.local, SRV 0 16 80 172-0-0-3.cluster1.hdls1.testns.svc.cluster.local, SRV 0 16 80 5678-abcd--1.cluster1.hdls1.testns.svc.cluster.local, SRV 0 16 80 5678-abcd--2.cluster1.hdls1.testns.svc.cluster.local, SRV 0 16 80 dup-name.cluster1.hdls1.testns.svc.cluster.local + 172-0-0-2.cluster1.hdls1.testns.svc.cluster.local A 172.0.0.2, 172-0-0-3.cluster1.hdls1.testns.svc.cluster.local A 172.0.0.3, 5678-abcd--1.cluster1.hdls1.testns.svc.cluster.local AAAA 5678:abcd::1, 5678-abcd--2.cluster1.hdls1.testns.svc.cluster.local AAAA 5678:abcd::2, dup-name.cluster1.hdls1.testns.svc.cluster.local A 172.0.0.4, dup-name.cluster1.hdls1.testns.svc.cluster.local A 172.0.0.5
hdls1.testns.svc.cluster.local A: A 172.0.0.2, A 172.0.0.3, A 172.0.0.4, A 172.0.0.5
5678-abcd--2.cluster1.hdls1.testns.svc.cluster.local AAAA: AAAA 5678:abcd::2
5678-abcd--1.cluster1.hdls1.testns.svc.cluster.local AAAA: AAAA 5678:abcd::1
172-0-0-20.cluster1.hdlsprtls.testns.svc.cluster.local A: A 172.0.0.20
5678-abcd--1.hdls1.testns.svc.cluster.local AAAA: NXDOMAIN
172-0-0-2.cluster1.hdls1.testns.svc.cluster.local A: A 172.0.0.2
172-0-0-3.cluster1.hdls1.testns.svc.cluster.local A: A 172.0.0.3
dup-name.cluster1.hdls1.testns.svc.cluster.local A: A 172.0.0.4, A 172.0.0.5
`;

export const emptyServiceCases = `
svcempty.testns.svc.cluster.local A: NXDOMAIN
external.testns.svc.cluster.local CNAME: CNAME ext.interwebs.test
`;

export const podsDisabledCases = `
10-240-0-1.podns.pod.cluster.local A: NXDOMAIN
172-0-0-2.podns.pod.cluster.local A: NXDOMAIN
`;

export const podsInsecureCases = `
10-240-0-1.podns.pod.cluster.local A: A 10.240.0.1
172-0-0-2.podns.pod.cluster.local A: A 172.0.0.2
blah.podns.pod.cluster.local A: NXDOMAIN
blah.podns.pod.cluster.local AAAA: NXDOMAIN
blah.podns.pod.cluster.local MX: NXDOMAIN
blah.pod-nons.pod.cluster.local A: NXDOMAIN
podns.pod.cluster.local A: NODATA
`;

export const podsVerifiedCases = `
10-240-0-1.podns.pod.cluster.local A: A 10.240.0.1
podns.pod.cluster.local A: NODATA
svcns.svc.cluster.local A: NODATA
pod-nons.pod.cluster.local A: NXDOMAIN
172-0-0-2.podns.pod.cluster.local A: NXDOMAIN
`;

export const apexCases = `
cluster.local SOA: SOA ns.dns.cluster.local hostmaster.cluster.local 1499347823 7200 1800 86400 5
cluster.local MX: NODATA
cluster.local NS: NS ns.dns.cluster.local + ns.dns.cluster.local A 127.0.0.1
cluster.local A: NODATA
cluster.local AAAA: NODATA
cluster.local SRV: NODATA
`;

export const zonalCases = `
us-west-2a.pin._zone.hdls.testns.svc.cluster.local A: A 172.0.0.1
us-west-2b.pin._zone.hdls.testns.svc.cluster.local A: A 172.0.0.2, A 172.0.0.3
us-west-2c.pin._zone.hdls.testns.svc.cluster.local A: NODATA
us-west-2a.prefer._zone.hdls.testns.svc.cluster.local A: A 172.0.0.1
us-west-2c.prefer._zone.hdls.testns.svc.cluster.local A: A 172.0.0.1, A 172.0.0.2, A 172.0.0.3
us-west-2a.pin._zone.ghost.testns.svc.cluster.local A: NXDOMAIN
us-west-2a.florp._zone.hdls.testns.svc.cluster.local A: NXDOMAIN
us-west-2a.pin._zone.clstr.testns.svc.cluster.local A: NXDOMAIN
us-west-2c.pin._zone.hdls.testns.svc.cluster.local TXT: NODATA
us-west-2c.prefer._zone.hdls.testns.svc.cluster.local SRV: SRV 0 33 80 172-0-0-1.hdls.testns.svc.cluster.local, SRV 0 33 80 172-0-0-2.hdls.testns.svc.cluster.local, SRV 0 33 80 172-0-0-3.hdls.testns.svc.cluster.local + 172-0-0-1.hdls.testns.svc.cluster.local A 172.0.0.1, 172-0-0-2.hdls.testns.svc.cluster.local A 172.0.0.2, 172-0-0-3.hdls.testns.svc.cluster.local A 172.0.0.3
us-west-2c.prefer._zone.hdls.testns.svc.cluster.local TXT: NODATA
us-west-2b.pin._zone.hdls.testns.svc.cluster.local SRV: SRV 0 50 80 172-0-0-2.hdls.testns.svc.cluster.local, SRV 0 50 80 172-0-0-3.hdls.testns.svc.cluster.local + 172-0-0-2.hdls.testns.svc.cluster.local A 172.0.0.2, 172-0-0-3.hdls.testns.svc.cluster.local A 172.0.0.3
`;

export const reverseCases = `
100.0.0.10.in-addr.arpa PTR: PTR ep1a.svc1.testns.svc.cluster.local
100.1.168.192.in-addr.arpa PTR: PTR svc1.testns.svc.cluster.local
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.c.b.a.4.3.2.1.ip6.arpa PTR: PTR ep1b.svc1.testns.svc.cluster.local
a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f.ip6.arpa PTR: PTR ip6svc1ex.svc1.testns.svc.cluster.local
6.a.b.9.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f.ip6.arpa PTR: PTR ip6svc1in.svc1.testns.svc.cluster.local
101.0.0.10.in-addr.arpa PTR: NXDOMAIN
example.org.cluster.local PTR: NXDOMAIN
svc1.testns.svc.cluster.local PTR: NODATA
svc1.testns.svc.0.10.in-addr.arpa A: NXDOMAIN
100.0.0.10.cluster.local PTR: NXDOMAIN
99.0.0.10.in-addr.arpa PTR: PTR double-ep.svc1.testns.svc.cluster.local, PTR double-ep.svc2.testns.svc.cluster.local
`;
