/**
 * The addresses that stand for every address of a machine or pod. A socket of each family: one on `::` for both
 * cannot be made where IPv6 is off, and gets no IPv4 where net.ipv6.bindv6only is set.
 */
import net from 'node:net';

const wildcards = ['0.0.0.0', '::'];

/** Those of the two that can be listened on here. `canListen` tries one. */
export async function wildcardAddresses(canListen = tryListening): Promise<string[]> {
  const able = await Promise.all(wildcards.map(canListen));
  return wildcards.filter((_, i) => able[i]);
}

/** False where the kernel lacks the family; any other trouble is told by whoever listens in earnest. */
function tryListening(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL'),
    );
    server.listen({ host: address, port: 0, ipv6Only: true }, () => server.close(() => resolve(true)));
  });
}
