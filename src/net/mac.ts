/** Ethernet addresses: six bytes, printed as aa:bb:cc:dd:ee:ff. */
import { TendrilError } from '../util/errors.ts';

export type Mac = Uint8Array;

/** @throws TendrilError BAD_INPUT */
export function parseMac(text: string): Mac {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) {
    throw new TendrilError('BAD_INPUT', `"${text}" is not a MAC address such as 02:00:00:00:00:01`);
  }
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

export function formatMac(mac: Mac): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
