// net policy add, ls, inspect, rm: what is let through between networks that are kept apart.

import { portsText } from '../../model/allowance.ts';
import { shortId } from '../../model/ids.ts';
import { formatOption } from '../../model/output-format.ts';
import type { AllowanceView, PartyView } from '../../model/view.ts';
import { filterOption, forEach, printEach, printList, quietOption } from '../output.ts';
import { formatSubnet } from '../ports.ts';
import { formatAge, formatFields, formatTable } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const policyAdd = defineVerb(
  {
    name: 'net policy add',
    summary: 'Let a network or sandbox reach another, at these ports or all, and print the id of the policy.',
    operands: ['FROM', 'TO[:PORT[-END][/PROTOCOL]]'],
    options: {},
  },
  async ({ operands: [from, to] }, { client, write }) => {
    const { id } = await client.addPolicy({ from, to });
    await write(`${id}\n`);
  },
);

export const policyLs = defineVerb(
  {
    name: 'net policy ls',
    summary: 'List policies. Filters: from, id, network, sandbox, to.',
    operands: [],
    options: { ...formatOption, ...quietOption, ...filterOption },
  },
  async ({ options }, context) => {
    await printList(context, await context.client.policies(options.filter), options, policyTable);
  },
);

export const policyInspect = defineVerb(
  {
    name: 'net policy inspect',
    summary: 'Show policies in full, with the addresses they are in force for.',
    operands: ['POLICY…'],
    options: formatOption,
  },
  async ({ options, operands: [refs] }, context) => {
    const find = (ref: string) => context.client.policy(ref);
    return printEach(context, refs, { format: options.format, find }, policyText);
  },
);

export const policyRm = defineVerb(
  {
    name: 'net policy rm',
    summary: 'Take policies back.',
    operands: ['POLICY…'],
    options: {},
  },
  async ({ operands: [refs] }, context) =>
    forEach(context, refs, async (ref) => {
      await context.client.deletePolicy(ref);
      await context.write(`${ref}\n`);
    }),
);

function policyTable(policies: readonly AllowanceView[]): string {
  const rows = policies.map((policy) => [
    shortId(policy.id),
    endText(policy.from),
    endText(policy.to),
    spanText(policy),
    formatAge(policy.createdAt, new Date()),
  ]);
  return formatTable(['POLICY ID', 'FROM', 'TO', 'PORTS', 'CREATED'], rows);
}

function policyText(policy: AllowanceView): string {
  return formatFields([
    ['Id', policy.id],
    ['Created', policy.createdAt],
    ['From', placeText(policy.from)],
    ['To', placeText(policy.to)],
    ['Ports', spanText(policy)],
  ]);
}

function endText({ kind, name }: PartyView): string {
  return `${kind} ${name}`;
}

function placeText(end: PartyView): string {
  const addresses = end.addresses.map(formatSubnet).join(', ');
  return `${endText(end)} (${addresses === '' ? 'no addresses now' : addresses})`;
}

function spanText({ ports }: AllowanceView): string {
  return ports === undefined ? 'all' : portsText(ports);
}
