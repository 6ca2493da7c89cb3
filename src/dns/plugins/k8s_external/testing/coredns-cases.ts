/** What CoreDNS 1.14 answers, as its own tests of the plugin `k8s_external` tell; form as in kubernetes/testing. */

export const externalCases = `
4.3.2.1.in-addr.arpa PTR: PTR svc1.testns.example.com
svc1.testns.example.com PTR: NODATA
not-existing.testns.example.com PTR: NXDOMAIN
svc1.testns.example.com A: A 1.2.3.4
svc1.testns.example.com SRV: SRV 0 100 80 svc1.testns.example.com + svc1.testns.example.com A 1.2.3.4
*._not-udp-or-tcp.svc1.testns.example.com SRV: NXDOMAIN
_http._tcp.svc1.testns.example.com SRV: SRV 0 100 80 svc1.testns.example.com + svc1.testns.example.com A 1.2.3.4
svc1.testns.example.com AAAA: NODATA
svc0.testns.example.com AAAA: NXDOMAIN
svc0.testns.example.com A: NXDOMAIN
svc0.svc-nons.example.com A: NXDOMAIN
svc6.testns.example.com AAAA: AAAA 1:2::5
_http._tcp.svc6.testns.example.com SRV: SRV 0 100 80 svc6.testns.example.com + svc6.testns.example.com AAAA 1:2::5
svc6.testns.example.com SRV: SRV 0 100 80 svc6.testns.example.com + svc6.testns.example.com AAAA 1:2::5
testns.example.com A: NODATA
testns.example.com SOA: NODATA
svc11.testns.example.com A: A 2.3.4.5
_http._tcp.svc11.testns.example.com SRV: SRV 0 100 80 svc11.testns.example.com + svc11.testns.example.com A 2.3.4.5
svc11.testns.example.com SRV: SRV 0 100 80 svc11.testns.example.com + svc11.testns.example.com A 2.3.4.5
svc12.testns.example.com A: CNAME dummy.hostname
_http._tcp.svc12.testns.example.com SRV: SRV 0 100 80 dummy.hostname
svc12.testns.example.com SRV: SRV 0 100 80 dummy.hostname
svc-headless.testns.example.com A: A 1.2.3.4, A 1.2.3.5
svc-headless.testns.example.com SRV: SRV 0 50 80 endpoint-svc-0.svc-headless.testns.example.com, SRV 0 50 80 endpoint-svc-1.svc-headless.testns.example.com + endpoint-svc-0.svc-headless.testns.example.com A 1.2.3.4, endpoint-svc-1.svc-headless.testns.example.com A 1.2.3.5
_http._tcp.svc-headless.testns.example.com SRV: SRV 0 50 80 endpoint-svc-0.svc-headless.testns.example.com, SRV 0 50 80 endpoint-svc-1.svc-headless.testns.example.com + endpoint-svc-0.svc-headless.testns.example.com A 1.2.3.4, endpoint-svc-1.svc-headless.testns.example.com A 1.2.3.5
endpoint-svc-0.svc-headless.testns.example.com SRV: SRV 0 100 80 endpoint-svc-0.svc-headless.testns.example.com + endpoint-svc-0.svc-headless.testns.example.com A 1.2.3.4
endpoint-svc-1.svc-headless.testns.example.com SRV: SRV 0 100 80 endpoint-svc-1.svc-headless.testns.example.com + endpoint-svc-1.svc-headless.testns.example.com A 1.2.3.5
endpoint-svc-0.svc-headless.testns.example.com A: A 1.2.3.4
endpoint-svc-1.svc-headless.testns.example.com A: A 1.2.3.5
`;

export const apexCases = `
example.com SOA: SOA ns1.dns.example.com hostmaster.dns.example.com 1499347823 7200 1800 86400 5
example.com NS: NS ns1.dns.example.com + ns1.dns.example.com A 127.0.0.1
example.com SRV: NODATA
dns.example.com SRV: NODATA
dns.example.com NS: NODATA
ns1.dns.example.com SRV: NODATA
ns1.dns.example.com NS: NODATA
ns1.dns.example.com AAAA: NODATA
ns1.dns.example.com A: A 127.0.0.1
`;
