/** References to the environment in a word of the Corefile: `{$NAME}` and `{%NAME%}`; a variable that is unset is empty. */
export type Environment = Readonly<Record<string, string | undefined>>;

const references = [/\{%((?:(?!%\}).)+)%\}/gs, /\{\$([^}]+)\}/g];

export function expandEnvironment(text: string, environment: Environment): string {
  if (!text.includes('{')) return text;
  return references.reduce(
    (word, reference) => word.replace(reference, (_, name: string) => environment[name] ?? ''),
    text,
  );
}
