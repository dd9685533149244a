/**
 * nft with a kernel of one table, strict: a command that the project's transactions have not, or that
 * the kernel would refuse, fails the test. Lists as nft 1.0.6 does: handles, and counters that count.
 */
import assert from 'node:assert/strict';
import { type Nft, NftError, type NftFailure } from '../../src/connmark/nft.js';
import { TABLE } from '../../src/connmark/ruleset.js';

type Fields = Readonly<Record<string, unknown>>;
type Kind = 'table' | 'set' | 'chain' | 'rule';

interface Stored {
  readonly kind: Kind;
  readonly fields: Fields;
  readonly handle: number;
}

export class FakeNft implements Nft {
  /** What was asked for, in order: `list`, `write`, `try`, `find`. */
  readonly calls: string[] = [];
  /** Called when a listing was made, and its caller has not got it yet. */
  onListed: (() => void) | undefined;
  /** Called when something was written, and nobody has read it yet. */
  onWritten: (() => void) | undefined;
  #objects: readonly Stored[] = [];
  #handle = 0;
  #failure: NftError | undefined;
  #packets = 0;

  /** Every call fails so, until it is told otherwise. */
  fail(kind: NftFailure | undefined, message = `nft: ${kind}`): void {
    this.#failure = kind === undefined ? undefined : new NftError(kind, message);
  }

  get stands(): boolean {
    return this.#objects.length > 0;
  }

  /** Elements of a set; `undefined` where there is none of that name. */
  elements(set: string): readonly unknown[] | undefined {
    const found = this.#objects.find(
      ({ kind, fields }) => kind === 'set' && fields['name'] === set,
    );
    return found && ((found.fields['elem'] as readonly unknown[] | undefined) ?? []);
  }

  /** How many rules there are. */
  get rules(): number {
    return this.#objects.filter(({ kind }) => kind === 'rule').length;
  }

  /** Every counting rule has seen so many packets more. */
  count(packets: number): void {
    this.#packets += packets;
  }

  /** Somebody else: `nft flush ruleset`; without one of the rules; another's table of the same name. */
  outside(what: 'flush' | 'rule gone' | 'a table of its own'): void {
    switch (what) {
      case 'flush':
        this.#objects = [];
        return;
      case 'rule gone': {
        const rule = this.#objects.findLast(({ kind }) => kind === 'rule');
        this.#objects = this.#objects.filter((one) => one !== rule);
        return;
      }
      case 'a table of its own': {
        const { family, name: table } = TABLE;
        this.#objects = [];
        this.#objects = this.#after({
          nftables: [
            { add: { table: TABLE } },
            { add: { chain: { family, table, name: 'input' } } },
          ],
        });
      }
    }
  }

  async list(): Promise<string | undefined> {
    this.#called('list');
    const listed = this.#listed();
    this.onListed?.();
    return listed;
  }

  #listed(): string | undefined {
    if (!this.stands) return undefined;
    const objects = this.#objects.map(({ kind, fields, handle }) => ({
      [kind]: { ...this.#shown(fields), handle },
    }));
    return JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, ...objects] });
  }

  async write(transaction: object): Promise<void> {
    this.#called('write');
    this.#objects = this.#after(transaction);
    this.#packets = 0;
    this.onWritten?.();
  }

  async try(transaction: object): Promise<void> {
    this.#called('try');
    this.#after(transaction);
  }

  async find(): Promise<void> {
    this.#called('find');
  }

  #called(what: string): void {
    this.calls.push(what);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #after(transaction: object): readonly Stored[] {
    const commands = (transaction as { nftables: readonly Fields[] }).nftables;
    let objects = [...this.#objects];
    const has = (kind: Kind, name: unknown): boolean =>
      objects.some((one) => one.kind === kind && one.fields['name'] === name);
    for (const command of commands) {
      const [[verb, object], ...more] = Object.entries(command) as [[string, Fields]];
      const [[kind, fields], ...others] = Object.entries(object) as [[Kind, Fields]];
      assert.equal(more.length + others.length, 0, JSON.stringify(command));
      assert.equal(fields['family'], TABLE.family);
      assert.equal(fields[kind === 'table' ? 'name' : 'table'], TABLE.name);
      if (verb === 'delete') {
        assert.equal(kind, 'table');
        assert.ok(has('table', TABLE.name), 'ENOENT: no such table');
        objects = [];
        continue;
      }
      assert.equal(verb, 'add');
      if (kind !== 'table') assert.ok(has('table', TABLE.name), 'ENOENT: no such table');
      if (kind === 'rule') {
        assert.ok(has('chain', fields['chain']), 'ENOENT: no such chain');
        for (const { goto } of fields['expr'] as { goto?: { target: string } }[])
          assert.ok(goto === undefined || has('chain', goto.target), 'ENOENT: no such target');
      }
      if (kind === 'set') {
        const { elem } = fields;
        assert.ok(!has('set', fields['name']), 'EEXIST: a set of that name');
        assert.ok(elem === undefined || (elem as unknown[]).length > 0, 'an empty list');
      }
      if (kind === 'table' && has('table', TABLE.name)) continue;
      objects.push({ kind, fields, handle: ++this.#handle });
    }
    return objects;
  }

  #shown(fields: Fields): Fields {
    const { expr, elem } = fields;
    const counted = { counter: { packets: this.#packets, bytes: this.#packets * 60 } };
    return {
      ...fields,
      ...(expr === undefined
        ? {}
        : { expr: (expr as Fields[]).map((one) => ('counter' in one ? counted : one)) }),
      // A set has no order of its own.
      ...(elem === undefined ? {} : { elem: (elem as unknown[]).toReversed().map(shownElement) }),
    };
  }
}

/** nft leaves the length of a single address out. */
function shownElement(element: unknown): unknown {
  if (typeof element === 'string') return element;
  const { addr, len } = (element as { prefix: { addr: string; len: number } }).prefix;
  return len === (addr.includes(':') ? 128 : 32) ? addr : element;
}
