// net ps: sandboxes with a process.

import { shortId } from '../../model/ids.ts';
import { formatOption } from '../../model/output-format.ts';
import type { SandboxView } from '../../model/view.ts';
import { filterOption, printList, quietOption } from '../output.ts';
import { formatPort, shownPorts } from '../ports.ts';
import { formatAge, formatTable } from '../table.ts';
import { defineVerb } from '../verb.ts';

const commandWidth = 30;

export const ps = defineVerb(
  {
    name: 'net ps',
    summary: 'List sandboxes whose process runs. Filters: id, label, name, network, status.',
    operands: [],
    options: {
      all: { kind: 'flag', short: 'a', help: 'also those whose process has ended' },
      ...formatOption,
      ...quietOption,
      ...filterOption,
    },
  },
  async ({ options }, context) => {
    const asked = options.filter.some((word) => word.startsWith('status='));
    const sandboxes = await context.client.sandboxes(options.filter);
    const shown = sandboxes.filter(
      ({ process, status }) =>
        process !== undefined && (options.all === true || asked || status === 'running'),
    );
    await printList(context, shown, options, processTable);
  },
);

function processTable(sandboxes: readonly SandboxView[]): string {
  const rows = sandboxes.map((sandbox) => [
    shortId(sandbox.id),
    sandbox.name,
    shorten(sandbox.process?.command.join(' ') ?? ''),
    formatAge(sandbox.createdAt, new Date()),
    sandbox.exitStatus === undefined ? sandbox.status : `exited (${sandbox.exitStatus})`,
    sandbox.endpoints.map(({ networkName }) => networkName).join(', '),
    sandbox.endpoints.flatMap(shownPorts).map(formatPort).join(', '),
  ]);
  return formatTable(['SANDBOX ID', 'NAME', 'COMMAND', 'CREATED', 'STATUS', 'NETWORKS', 'PORTS'], rows);
}

/** One line, whatever the command contains. */
function shorten(command: string): string {
  const line = command.replaceAll(/\s+/g, ' ');
  return line.length <= commandWidth ? line : `${line.slice(0, commandWidth - 1)}…`;
}
