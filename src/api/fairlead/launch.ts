// /launch: what the static front of `net run` and `net exec` asks; docs/launch-plan.md is the contract.
import { readFile } from 'node:fs/promises';
import { parseCommandLine, usageText } from '../../base/command-line.ts';
import type { Controller, LaunchPlan } from '../../core/requests.ts';
import { execCommand, runCommand } from '../../model/launch-commands.ts';
import type { LaunchBody } from '../../model/wire.ts';
import type { Routes } from '../route.ts';
import { launchBody } from './body-schema.ts';
import { plain, refusePlainly, understand } from './command-line.ts';
import { encodePlan } from './encode-plan.ts';
import { execRequest, runRequest } from './launch-request.ts';
import { type Accounts, resolveUser } from './resolve-user.ts';

/** Arguments of a process may be 2 MiB long, execve(2), and JSON escapes lengthen them. */
const bodyLimitBytes = 8 * 1024 * 1024;

const refused = 125;

export const launchRoutes: Routes = (app, { controller, log }) => {
  app.register(async (scope) => {
    refusePlainly(scope, log, refused);
    scope.post<{ Body: LaunchBody }>(
      '/launch',
      {
        bodyLimit: bodyLimitBytes,
        config: {
          summary: 'Plan a run or exec, see docs/launch-plan.md',
          produces: 'application/x-fairlead-plan',
        },
        schema: { body: launchBody },
      },
      async ({ body }, reply) => {
        const plan = await (body.verb === 'run' ? planRun(controller, body) : planExec(controller, body));
        if (typeof plan === 'string') return plain(reply, plan);
        return reply.type('application/x-fairlead-plan').send(encodePlan(plan));
      },
    );
  });
};

/** A plan, or the usage text when that is asked for. Errors: `UsageError`, and those of `Controller.run`. */
async function planRun(controller: Controller, body: LaunchBody): Promise<LaunchPlan | string> {
  const parsed = understand(runCommand.name, () => parseCommandLine(runCommand, body.arguments));
  if (parsed === 'help') return usageText(runCommand);
  const user = await lookUpUser(parsed.options.user);
  return controller.run(understand(runCommand.name, () => runRequest(parsed, body, user)));
}

async function planExec(controller: Controller, body: LaunchBody): Promise<LaunchPlan | string> {
  const parsed = understand(execCommand.name, () => parseCommandLine(execCommand, body.arguments));
  if (parsed === 'help') return usageText(execCommand);
  const user = await lookUpUser(parsed.options.user);
  return controller.exec(understand(execCommand.name, () => execRequest(parsed, body, user)));
}

async function lookUpUser(spec: string | undefined) {
  if (spec === undefined) return undefined;
  const accounts: Accounts = {
    passwd: await readFile('/etc/passwd', 'utf8'),
    group: await readFile('/etc/group', 'utf8'),
  };
  return resolveUser(spec, accounts);
}
