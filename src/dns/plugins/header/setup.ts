/** `header { query|response set|clear FLAG... }`: changes the flags aa, ra and rd. */
import { afterward } from '../../chain.ts';
import type { Directive } from '../../corefile/directive.ts';
import { corefileError, countArguments, onlyDirective } from '../../corefile/options.ts';
import type { Message } from '../../message/message.ts';
import type { PluginSetup } from '../../plugin.ts';

const flags = { aa: 'authoritative', ra: 'recursionAvailable', rd: 'recursionDesired' } as const;
type Flags = Partial<Pick<Message, (typeof flags)[keyof typeof flags]>>;

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  countArguments(directive, 0);
  const { query: asked, response } = flagsOf(directive);
  return {
    handler: {
      name: 'header',
      serve: (query, next) => {
        const changed = asked && { ...query, message: { ...query.message, ...asked } };
        return afterward(next(changed), (answer) =>
          answer && response ? { ...answer, ...response } : answer,
        );
      },
    },
  };
};

function flagsOf(directive: Directive): { query?: Flags; response?: Flags } {
  const lines = directive.block ?? [];
  if (lines.length === 0) throw corefileError(directive.at, 'header takes lines such as: response set ra');
  const changes: { query?: Flags; response?: Flags } = {};
  for (const line of lines) {
    const selector = line.name.toLowerCase();
    if (selector !== 'query' && selector !== 'response')
      throw corefileError(line.at, `"${line.name}" is neither query nor response`);
    changes[selector] = { ...changes[selector], ...flagsOfLine(line) };
  }
  return changes;
}

function flagsOfLine({ args, at }: Directive): Flags {
  const [action = '', ...names] = args.map((word) => word.toLowerCase());
  if (action !== 'set' && action !== 'clear') throw corefileError(at, `"${action}" is neither set nor clear`);
  if (names.length === 0) throw corefileError(at, `${action} takes flags: aa, ra, rd`);
  return Object.fromEntries(
    names.map((name) => {
      if (!Object.hasOwn(flags, name)) throw corefileError(at, `"${name}" is none of the flags aa, ra, rd`);
      return [flags[name as keyof typeof flags], action === 'set'];
    }),
  );
}
