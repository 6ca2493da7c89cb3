/** Virtual servers of IPVS (linux/ip_vs.h), of the thread's network namespace, by generic netlink and /proc/net. */
import { readFileSync } from 'node:fs';
import { errno, isErrno } from '../errno.ts';
import { decodeAttributes, encodeAttributes, text } from '../netlink/attribute.ts';
import { NETLINK_GENERIC, NetlinkSocket } from '../netlink/socket.ts';

const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const IPVS_GENL_VERSION = 1;
const IPVS_CMD_GET_SERVICE = 4;
const IPVS_CMD_FLUSH = 17;

const genericHeader = 4;

function message(command: number, version: number, attributes: Uint8Array = new Uint8Array()): Uint8Array {
  return Uint8Array.from([command, version, 0, 0, ...attributes]);
}

/** How many there are; 0 on a kernel without IPVS. @throws KernelError */
export function countVirtualServers(): number {
  using socket = new NetlinkSocket(undefined, NETLINK_GENERIC);
  const type = familyOf(socket);
  if (type === undefined) return 0;
  const payload = message(IPVS_CMD_GET_SERVICE, IPVS_GENL_VERSION);
  return socket.dump({ type, payload, operation: 'list', object: 'IPVS virtual servers' }, () => true).length;
}

/** Removes all of them, with their real servers. @throws KernelError */
export function flushVirtualServers(): void {
  using socket = new NetlinkSocket(undefined, NETLINK_GENERIC);
  const type = familyOf(socket);
  if (type === undefined) return;
  const payload = message(IPVS_CMD_FLUSH, IPVS_GENL_VERSION);
  socket.request({ type, payload, operation: 'remove', object: 'IPVS virtual servers' });
}

/** Connections that IPVS sends on and that are not about to end; 0 on a kernel without IPVS. */
export function countIpvsConnections(): number {
  try {
    return parseIpvsConnections(readFileSync('/proc/net/ip_vs_conn', 'utf8'));
  } catch {
    return 0;
  }
}

const ending = new Set(['FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK']);

/** Of the table's text: its first line is a heading, the state the eighth word. */
export function parseIpvsConnections(table: string): number {
  const [, ...lines] = table.trim().split('\n');
  return lines.filter((line) => !ending.has(line.trim().split(/\s+/)[7] ?? '')).length;
}

/** The number that the kernel gave the protocol IPVS. */
function familyOf(socket: NetlinkSocket): number | undefined {
  const attributes = encodeAttributes([text(CTRL_ATTR_FAMILY_NAME, 'IPVS')]);
  const payload = message(CTRL_CMD_GETFAMILY, 1, attributes);
  try {
    const answer = socket.request({ type: GENL_ID_CTRL, payload, operation: 'find', object: 'IPVS' });
    const id = answer && decodeAttributes(answer.payload.subarray(genericHeader)).get(CTRL_ATTR_FAMILY_ID);
    return id && id[0]! | (id[1]! << 8);
  } catch (error) {
    if (isErrno(error, errno.ENOENT)) return undefined;
    throw error;
  }
}
