// /command: `net connect` and `net disconnect` as the static front sends them. Answers what they print.
import type { FastifyReply } from 'fastify';
import { parseCommandLine, usageText } from '../../base/command-line.ts';
import type { Controller } from '../../core/requests.ts';
import { connectBodyOf, connectCommand, disconnectCommand } from '../../model/membership-commands.ts';
import { jsonText, wantsJson } from '../../model/output-format.ts';
import type { CommandBody } from '../../model/wire.ts';
import type { Routes } from '../route.ts';
import { commandBody } from './body-schema.ts';
import { plain, refusePlainly, understand } from './command-line.ts';
import { parseEndpointBody } from './parse-body.ts';
import { endpointView } from './view-schema.ts';

const refused = 1;

export const commandRoutes: Routes = (app, { controller, log }) => {
  app.register(async (scope) => {
    refusePlainly(scope, log, refused);
    scope.post<{ Body: CommandBody }>(
      '/command',
      {
        config: { summary: 'Carry out a connect or disconnect as it was written', produces: 'text/plain' },
        schema: { body: commandBody },
      },
      async ({ body }, reply) => {
        const act = body.verb === 'connect' ? connect : disconnect;
        return plain(reply, await act(controller, body.arguments, reply));
      },
    );
  });
};

async function connect(controller: Controller, words: readonly string[], reply: FastifyReply) {
  const line = understand(connectCommand.name, () => parseCommandLine(connectCommand, words));
  if (line === 'help') return usageText(connectCommand);
  const { json, target, config } = understand(connectCommand.name, () => {
    const body = connectBodyOf(line);
    return { json: wantsJson(line.options.format), target: body.target, config: parseEndpointBody(body) };
  });
  const endpoint = await controller.connect({ network: line.operands[0], target, ...config });
  if (!json) return '';
  // Told as everywhere else: what the view does not have is not for everybody.
  const told: unknown = JSON.parse(reply.compileSerializationSchema({ ...endpointView })({ ...endpoint }));
  return jsonText([told]);
}

async function disconnect(controller: Controller, words: readonly string[]) {
  const line = understand(disconnectCommand.name, () => parseCommandLine(disconnectCommand, words));
  if (line === 'help') return usageText(disconnectCommand);
  const [network, target] = line.operands;
  await controller.disconnect(network, target, { force: line.options.force ?? false });
  return '';
}
