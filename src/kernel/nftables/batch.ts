// A transaction on one table: a straight list of changes that the kernel makes all at once or not at all.
import type { AttributeWriter } from '../netlink/attribute.ts';
import {
  MessageBuilder,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
} from '../netlink/message.ts';
import { type Chain, encodeChain, encodeChainName } from './chain.ts';
import {
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG_DELCHAIN,
  NFT_MSG_DELRULE,
  NFT_MSG_DELSETELEM,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
  NFTA_TABLE_NAME,
} from './constants.ts';
import { type Element, encodeElements } from './element.ts';
import { messageType, writeHeader } from './nfnetlink.ts';
import { encodeRule, type Rule, type RuleHandle } from './rule.ts';
import { encodeSet, type NftSet } from './set.ts';
import { encodeTable, familyNumbers, type TableFamily } from './table.ts';

/** An element takes at most 128 bytes here, and a list of them 64 KiB. */
const elementsPerMessage = 500;

type WriteAttributes = (attributes: AttributeWriter) => void;

/** Changes to a table, in the order they are made. Not to be used after `finish`. */
export class Batch {
  readonly #builder = new MessageBuilder();
  readonly #table: string;
  readonly #family: TableFamily;
  #pending: { readonly message: number; readonly flags: number; readonly write: WriteAttributes } | undefined;
  #setId = 0;

  constructor(table: string, family: TableFamily = 'inet') {
    this.#table = table;
    this.#family = family;
    this.#edge(NFNL_MSG_BATCH_BEGIN);
  }

  get empty(): boolean {
    return this.#pending === undefined;
  }

  /** Also takes over a table with these flags that lost its owner. */
  addTable(flags: number): this {
    return this.#add(NFT_MSG_NEWTABLE, NLM_F_CREATE, (out) => encodeTable(out, { name: this.#table, flags }));
  }

  /** With everything in it. */
  deleteTable(): this {
    return this.#add(NFT_MSG_DELTABLE, 0, (out) => out.string(NFTA_TABLE_NAME, this.#table));
  }

  addChain(chain: Chain): this {
    return this.#add(NFT_MSG_NEWCHAIN, NLM_F_CREATE, (out) => encodeChain(out, this.#table, chain));
  }

  /** Its rules must be gone, and the jumps to it. */
  deleteChain(name: string): this {
    return this.#add(NFT_MSG_DELCHAIN, 0, (out) => encodeChainName(out, this.#table, name));
  }

  /** Deletes the rules of a chain. */
  flushChain(name: string): this {
    return this.#add(NFT_MSG_DELRULE, 0, (out) => encodeRule(out, { table: this.#table, chain: name }));
  }

  /** Appends a rule to a chain. */
  addRule(chain: string, rule: Rule): this {
    const place = { table: this.#table, chain };
    return this.#add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, (out) => encodeRule(out, place, rule));
  }

  /** Puts a rule before another of its chain. */
  insertRule(chain: string, before: RuleHandle, rule: Rule): this {
    const place = { table: this.#table, chain, before };
    return this.#add(NFT_MSG_NEWRULE, NLM_F_CREATE, (out) => encodeRule(out, place, rule));
  }

  deleteRule(chain: string, handle: RuleHandle): this {
    return this.#add(NFT_MSG_DELRULE, 0, (out) => encodeRule(out, { table: this.#table, chain, handle }));
  }

  addSet(set: NftSet): this {
    const id = ++this.#setId;
    return this.#add(NFT_MSG_NEWSET, NLM_F_CREATE, (out) => encodeSet(out, this.#table, set, id));
  }

  /** Refused with EEXIST when an element is there already. */
  addElements(set: string, elements: readonly Element[]): this {
    return this.#addElements(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, set, elements);
  }

  /** Refused with ENOENT when an element is not there. */
  deleteElements(set: string, elements: readonly Element[]): this {
    return this.#addElements(NFT_MSG_DELSETELEM, 0, set, elements);
  }

  /**
   * The bytes of the batch. Its last message asks for an acknowledgement, which comes once the kernel has committed; one
   * from an earlier message would precede the error of a later one.
   */
  finish(): Uint8Array {
    this.#flush(NLM_F_ACK);
    this.#edge(NFNL_MSG_BATCH_END);
    return this.#builder.finish();
  }

  #addElements(message: number, flags: number, set: string, elements: readonly Element[]): this {
    const to = { table: this.#table, set };
    for (let start = 0; start < elements.length; start += elementsPerMessage) {
      const part = elements.slice(start, start + elementsPerMessage);
      this.#add(message, flags, (out) => encodeElements(out, to, part));
    }
    return this;
  }

  #add(message: number, flags: number, write: WriteAttributes): this {
    this.#flush(0);
    this.#pending = { message, flags, write };
    return this;
  }

  #flush(ack: number): void {
    if (this.#pending === undefined) return;
    const { message, flags, write } = this.#pending;
    this.#pending = undefined;
    this.#builder.message(messageType(message), NLM_F_REQUEST | flags | ack, (out, attributes) => {
      writeHeader(out, familyNumbers[this.#family]);
      write(attributes);
    });
  }

  #edge(type: number): void {
    this.#builder.message(type, NLM_F_REQUEST, (out) => writeHeader(out, 0, NFNL_SUBSYS_NFTABLES));
  }
}
