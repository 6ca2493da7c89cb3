/** The Corefile that is served where there is none: what kubeadm gives a cluster. */
export interface DefaultCorefileOptions {
  /** The cluster zone. */
  zone: string;
  port: number;
  healthPort: number;
  readyPort: number;
  metricsPort: number;
}

export const dnsDefaults: DefaultCorefileOptions = {
  zone: 'cluster.local',
  port: 53,
  healthPort: 8080,
  readyPort: 8181,
  metricsPort: 9153,
};

export function defaultCorefile(options: Partial<DefaultCorefileOptions> = {}): string {
  const { zone, port, healthPort, readyPort, metricsPort } = { ...dnsDefaults, ...options };
  const address = (own: number, usual: number) => (own === usual ? '' : ` :${own}`);
  return `.:${port} {
    errors
    health${address(healthPort, dnsDefaults.healthPort)} {
       lameduck 5s
    }
    ready${address(readyPort, dnsDefaults.readyPort)}
    kubernetes ${zone} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :${metricsPort}
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
`;
}
