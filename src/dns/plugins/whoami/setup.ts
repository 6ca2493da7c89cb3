/** `whoami`: tells a client its own address, port and transport, in the additional section. */
import { parseIp } from '../../../net/ip.ts';
import { countArguments, onlyDirective, refuseBlock } from '../../corefile/options.ts';
import { recordTypes } from '../../message/constants.ts';
import { replyTo } from '../../message/message.ts';
import type { PluginSetup, Query, Served } from '../../plugin.ts';

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  countArguments(directive, 0);
  refuseBlock(directive);
  return { handler: { name: 'whoami', serve: tell } };
};

function tell({ message, client, transport }: Query): Served {
  const question = message.questions[0]!;
  const ip = parseIp(client.address.split('%')[0]!.replace(/^::ffff:(?=\d+\.)/, ''));
  const common = { class: question.class, ttl: 0 };
  const type = ip.family === 4 ? recordTypes.A : recordTypes.AAAA;
  const service = `_${transport === 'udp' ? 'udp' : 'tcp'}`;
  return replyTo(message, {
    authoritative: true,
    additionals: [
      { name: question.name, ...common, data: { type, ip } },
      {
        name: question.name === '' ? service : `${service}.${question.name}`,
        ...common,
        data: { type: recordTypes.SRV, priority: 0, weight: 0, port: client.port, target: '' },
      },
    ],
  });
}
