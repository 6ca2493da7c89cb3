/** What the launcher says of a request that it could not carry out. */
import { getSystemErrorMap } from 'node:util';
import { TendrilError } from '../../util/errors.ts';
import { type Frame, textOf } from './frame.ts';

/** The errno's name and meaning, as `ENOENT (no such file or directory)`. */
function describeErrno(errno: number): string {
  const [name, meaning] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, ''];
  return meaning ? `${name} (${meaning})` : name;
}

const remedies: Record<string, string> = {
  sandbox: 'Check that bubblewrap (bwrap) is installed and that the machine lets root make namespaces.',
  overlay: 'The kernel must have overlayfs (CONFIG_OVERLAY_FS).',
  id: 'Wait until the process of that id has ended, or choose another id.',
};

/** TOOL_FAILED, with the step and the errno that an answer names. */
export function failure(what: string, answer: Frame): TendrilError {
  const step = textOf(answer, 'step') ?? 'unknown step';
  const errno = Number(textOf(answer, 'errno') ?? 0);
  const detail = textOf(answer, 'message') ?? '';
  const parts = [what, step, detail, errno > 0 ? describeErrno(errno) : ''].filter((part) => part !== '');
  const remedy = remedies[step];
  return new TendrilError('TOOL_FAILED', parts.join(': '), remedy === undefined ? {} : { remedy });
}
