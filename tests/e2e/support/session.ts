/**
 * A session as a terminal shows it: lines that are typed (`$ `, and `> ` for what belongs to the line above), and what
 * is answered, both outputs together. What differs from run to run stands as a placeholder. The file is script and
 * expectation in one; recording writes it anew.
 *
 *     # A comment, which stays.
 *     $ kubectl get pods
 *     NAME   READY   STATUS    RESTARTS   AGE
 *     web    1/1     Running   0          AGE
 *     [exit status 3]
 */
export interface Step {
  /** Comments and blank lines before it. */
  above: string[];
  /** For a shell. */
  command: string;
  /** With the exit status where it is not 0. */
  answer: string;
}

export function parseSession(text: string): { steps: Step[]; below: string[] } {
  const steps: Step[] = [];
  let above: string[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const last = steps.at(-1);
    if (line.startsWith('$ ')) {
      steps.push({ above, command: line.slice(2), answer: '' });
      above = [];
    } else if (line.startsWith('# ') || last === undefined) above.push(line);
    else if (line.startsWith('> ') && last.answer === '') last.command += `\n${line.slice(2)}`;
    // A blank line before a comment or a command is the file's; within an answer, the answer's.
    else last.answer += `${line}\n`;
  }
  return { steps, below: above };
}

export function printSession(steps: Step[], below: string[]): string {
  const text = steps.map(({ above, command, answer }) => {
    const [first, ...more] = command.split('\n');
    const typed = [`$ ${first}`, ...more.map((line) => `> ${line}`)];
    return `${[...above, ...typed].join('\n')}\n${answer}`;
  });
  return text.join('') + below.map((line) => `${line}\n`).join('');
}

/** What is another each time, and what stands for it. Order matters: a time has digits of an age in it. */
const placeholders: [RegExp, string][] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'],
  [/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, 'TIME'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+\d{4} UTC/g, 'TIME'],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UID'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'TOKEN'],
  [/(resourceVersion: )"?\d+"?/g, '$1VERSION'],
  [/\b(10\.(244|96)(\.\d+){2}|fd00:[0-9a-f:]+)\b/g, 'IP'],
  [/(arch=)(amd64|arm64)\b/g, '$1ARCH'],
  [/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT'],
  [/\[::1\]:\d+/g, '[::1]:PORT'],
  [/\b(containerd:\/\/|tendril:\/\/|sha256:)\S+/g, '$1ID'],
  // A template's hash and a pod's suffix, in Kubernetes' alphabet without vowels.
  [/-[bcdf-hj-np-tv-z2456789]{8,10}-[bcdf-hj-np-tv-z2456789]{5}\b/g, '-HASH-ID'],
  [/([-=])[bcdf-hj-np-tv-z2456789]{8,10}(?=$|[\s,"/])/gm, '$1HASH'],
  [/(\s)(\d+[smhd]){1,2}(?= ago|\)| *$|\s{2})/gm, '$1AGE'],
  [/<(unknown|invalid)>(?=$|\s{2,})/gm, 'AGE'],
  [/\(x\d+ over AGE\)/g, ''],
  // How wide a column is hangs on what stands for something else here.
  [/(?<=\S) {2,}/g, '   '],
  [/ +$/gm, ''],
];

export function withPlaceholders(output: string): string {
  const text = placeholders.reduce((was, [pattern, name]) => was.replace(pattern, name), output);
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
