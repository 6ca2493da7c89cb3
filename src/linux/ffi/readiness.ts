/**
 * Readiness of descriptors that Node.js has no class for, by its own event loop (uv_poll).
 *
 * What koffi calls us from is no place for a handler: an exception would be lost there, and promises that it
 * settles would rest until something else happens. So handlers run as immediates, which follow in the same
 * turn of the loop. A handle that nothing refers to is collected, and closed with that: hence the set.
 */
import koffi from 'koffi';

type Handle = ReturnType<typeof koffi.node.poll>;
/** Called with a negative status when epoll reports an error; libuv has stopped the handle then. */
type Callback = (status: number) => void;
const poll = koffi.node.poll as unknown as (fd: number, what: object, callback: Callback) => Handle;

const open = new Set<Handle>();

/**
 * Calls `handler` on the main thread while there is something to read, or an error to be seen by reading
 * (level triggered), until the result is called. The descriptor must be one that epoll takes, becomes non-blocking, and
 * must stay open until then. Does not keep the process alive.
 */
export function onReadable(fd: number, handler: () => void): () => void {
  let pending = false;
  const what = { readable: true };
  const callback: Callback = (status) => {
    if (pending) return;
    pending = true;
    setImmediate(() => {
      pending = false;
      if (!open.has(handle)) return;
      if (status < 0) handle.start(what, callback as never);
      handler();
    });
  };
  const handle = poll(fd, what, callback);
  handle.unref();
  return keep(handle);
}

/** Calls once when the descriptor can be written: a connecting socket, when it is connected or has failed. */
export function onceWritable(fd: number, handler: () => void): () => void {
  const handle = poll(fd, { writable: true }, () => {
    close();
    setImmediate(handler);
  });
  const close = keep(handle);
  return close;
}

function keep(handle: Handle): () => void {
  open.add(handle);
  return () => {
    if (open.delete(handle)) handle.close();
  };
}
