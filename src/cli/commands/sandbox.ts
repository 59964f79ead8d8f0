// net sandbox create, ls, inspect, rm: namespaces without a process, and a look at all.

import { sandboxBody } from '../../model/flag-values.ts';
import { shortId } from '../../model/ids.ts';
import { sandboxOptions } from '../../model/launch-commands.ts';
import { formatOption } from '../../model/output-format.ts';
import type { SandboxView } from '../../model/view.ts';
import { filterOption, forEach, printEach, printList, quietOption } from '../output.ts';
import { formatPort, shownPorts } from '../ports.ts';
import { formatAge, formatFields, formatPairs, formatTable } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const sandboxCreate = defineVerb(
  {
    name: 'net sandbox create',
    summary: 'Create a network namespace without a process and print its id.',
    operands: ['NAME'],
    options: sandboxOptions,
  },
  async ({ options, operands: [name] }, { client, write }) => {
    const sandbox = await client.createSandbox({ name, ...sandboxBody(options) });
    await write(`${sandbox.id}\n`);
  },
);

export const sandboxLs = defineVerb(
  {
    name: 'net sandbox ls',
    summary: 'List sandboxes. Filters: id, label, name, network, status.',
    operands: [],
    options: { ...formatOption, ...quietOption, ...filterOption },
  },
  async ({ options }, context) => {
    await printList(context, await context.client.sandboxes(options.filter), options, sandboxTable);
  },
);

export const sandboxInspect = defineVerb(
  {
    name: 'net sandbox inspect',
    summary: 'Show sandboxes in full.',
    operands: ['SANDBOX…'],
    options: formatOption,
  },
  async ({ options, operands: [refs] }, context) => {
    const find = (ref: string) => context.client.sandbox(ref);
    return printEach(context, refs, { format: options.format, find }, sandboxText);
  },
);

export const sandboxRm = defineVerb(
  {
    name: 'net sandbox rm',
    summary: 'Delete sandboxes with everything they have.',
    operands: ['SANDBOX…'],
    options: { force: { kind: 'flag', short: 'f', help: 'also those whose process runs' } },
  },
  async ({ options, operands: [refs] }, context) =>
    forEach(context, refs, async (ref) => {
      await context.client.deleteSandbox(ref, { force: options.force ?? false });
      await context.write(`${ref}\n`);
    }),
);

function sandboxTable(sandboxes: readonly SandboxView[]): string {
  const rows = sandboxes.map((sandbox) => [
    shortId(sandbox.id),
    sandbox.name,
    sandbox.status,
    sandbox.endpoints.map(({ networkName }) => networkName).join(', '),
    sandbox.endpoints.flatMap(({ addresses }) => addresses).join(', '),
    formatAge(sandbox.createdAt, new Date()),
  ]);
  return formatTable(['SANDBOX ID', 'NAME', 'STATUS', 'NETWORKS', 'ADDRESSES', 'CREATED'], rows);
}

function sandboxText(sandbox: SandboxView): string {
  const { namespace, process } = sandbox;
  return formatFields([
    ['Name', sandbox.name],
    ['Id', sandbox.id],
    ['Status', sandbox.exitStatus === undefined ? sandbox.status : `exited (${sandbox.exitStatus})`],
    ['Created', sandbox.createdAt],
    ['Namespace', 'path' in namespace ? `${namespace.path} (${namespace.kind})` : namespace.kind],
    ['Hostname', sandbox.hostname],
    ['Process', process === undefined ? '' : `${process.pid}: ${process.command.join(' ')}`],
    ['Labels', formatPairs(sandbox.labels)],
    ...sandbox.endpoints.map(
      ({ networkName, ifname, addresses }) =>
        ['Endpoint', [networkName, ifname, ...addresses].filter((word) => word !== '').join(' ')] as const,
    ),
    ...sandbox.endpoints.flatMap(shownPorts).map((port) => ['Port', formatPort(port)] as const),
  ]);
}
