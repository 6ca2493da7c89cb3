/** An address as it stands in a URL. */
export function hostText(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}
