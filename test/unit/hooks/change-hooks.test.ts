/** When hooks run, for whom changes wait, and what is told of it: with a clock and programs that the test moves. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { HooksConfig } from '../../../src/config/config.js';
import { MOST_OPEN_MS, QUIET_MS } from '../../../src/hooks/batch.js';
import { ChangeHooks } from '../../../src/hooks/change-hooks.js';
import type { ProgramEnd, ProgramOptions } from '../../../src/hooks/program.js';
import type { Operation } from '../../../src/kernel/kernel.js';
import { prefix } from '../policy/build.js';
import { FakeClock, settled } from '../reconcile/fake-clock.js';
import { linesTo } from '../reconcile/node.js';

const BEFORE = { run: ['/bin/before'], timeout: 2_000 } as const;
const AFTER = { run: ['/bin/after', 'x'], timeout: 3_000 } as const;

const OK: ProgramEnd = { result: 'ok', detail: '', output: '' };
const FAILED: ProgramEnd = { result: 'failed', detail: 'exit code 7', output: 'why' };
const TIMEOUT: ProgramEnd = { result: 'timeout', detail: 'not ended within 2s', output: '' };

const AHEAD = { tables: new Set([100]), prefixes: 1 };

function added(text: string, table = 100): Operation {
  const target = { type: 'unreachable' } as const;
  return { op: 'route-add', route: { table, prefix: prefix(text), metric: 20, target } };
}

const ADDED = { done: [added('10.0.0.0/8')], refused: 0, takenAlong: 0 };

class Stage {
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  readonly counts: Record<string, number> = {};
  /** Programs that run, or ran, in their order. */
  readonly started: (ProgramOptions & { end(end: ProgramEnd): Promise<void>; ended: boolean })[] =
    [];
  readonly hooks: ChangeHooks;

  constructor(public config: HooksConfig) {
    this.hooks = new ChangeHooks({
      hooks: () => this.config,
      tableName: (id) => (id === 100 ? 'fabric' : `table${id}`),
      environment: { PATH: '/bin', RIB2FIB_HOOK: 'none' },
      clock: this.clock,
      log: linesTo(this.lines),
      metrics: {
        countHook: (hook, result, count) => {
          const key = `${hook} ${result}`;
          this.counts[key] = (this.counts[key] ?? 0) + count;
        },
      },
      run: (options) => this.#start(options),
    });
  }

  /** `before`, `after`: those that were started, a running one with a mark. */
  get programs(): string {
    return this.started
      .map(({ run, ended }) => `${run[0].slice('/bin/'.length)}${ended ? '' : '…'}`)
      .join(' ');
  }

  get last(): Stage['started'][number] {
    const last = this.started.at(-1);
    assert.ok(last !== undefined, 'no program was started');
    return last;
  }

  /** A pass that writes something, where it may. False where it has to wait. */
  change(): boolean {
    if (this.hooks.open(AHEAD) !== undefined) return false;
    this.hooks.wrote(ADDED);
    this.hooks.passed();
    return true;
  }

  async pass(ms: number): Promise<void> {
    await settled();
    await this.clock.advance(ms);
    await settled();
  }

  #start(options: ProgramOptions): Promise<ProgramEnd> {
    return new Promise((resolve) => {
      const stop = () => void one.end({ result: 'stopped', detail: 'the daemon ends', output: '' });
      const one = {
        ...options,
        ended: false,
        end: async (end: ProgramEnd) => {
          options.signal.removeEventListener('abort', stop);
          one.ended = true;
          resolve(end);
          await settled();
        },
      };
      options.signal.addEventListener('abort', stop);
      this.started.push(one);
    });
  }
}

const NONE: HooksConfig = { before: undefined, after: undefined };
const BOTH: HooksConfig = { before: BEFORE, after: AFTER };

describe('a batch', () => {
  it('without hooks is nobody’s concern', () => {
    const stage = new Stage(NONE);
    assert.equal(stage.hooks.isWatched, false);
    assert.deepEqual(stage.hooks.reports(), []);
  });

  it('waits for before, and has its after once it is quiet', async () => {
    const stage = new Stage(BOTH);
    assert.equal(stage.change(), false);
    await stage.pass(1_000);
    assert.equal(stage.programs, 'before…');
    assert.equal(stage.change(), false, 'it is not open yet');
    await stage.last.end(OK);
    assert.equal(stage.change(), true);
    await stage.pass(QUIET_MS - 1);
    assert.equal(stage.programs, 'before');
    await stage.pass(1);
    assert.equal(stage.programs, 'before after…');
    await stage.last.end(OK);
    assert.deepEqual(stage.counts, {
      ...{ 'before ok': 1, 'before failed': 0, 'before timeout': 0 },
      ...{ 'after ok': 1, 'after failed': 0, 'after timeout': 0 },
    });
    assert.deepEqual(
      stage.lines.filter((line) => !line.startsWith('debug')),
      [],
    );
  });

  it('hands over program, time and environment', async () => {
    const stage = new Stage(BOTH);
    stage.hooks.open({ tables: new Set([200, 100]), prefixes: 7 });
    await stage.pass(0);
    const { run, timeout, environment } = stage.last;
    assert.deepEqual([run, timeout], [BEFORE.run, BEFORE.timeout]);
    assert.deepEqual(environment, {
      ...{ PATH: '/bin', RIB2FIB_HOOK: 'before', RIB2FIB_PREFIXES: '7' },
      ...{ RIB2FIB_TABLES: 'fabric table200', RIB2FIB_TABLE_IDS: '100 200' },
    });
    await stage.last.end(OK);
    stage.hooks.open({ tables: new Set([300]), prefixes: 1 });
    const route = added('10.0.0.0/8');
    assert.ok(route.op === 'route-add');
    const group = { type: 'group', id: 1, members: [] } as const;
    const [from, family] = [prefix('192.0.2.0/24'), 'ipv4'] as const;
    const everything = { iif: undefined, fwmark: undefined, to: undefined };
    const rule = { family, priority: 1, table: 400, from, ...everything };
    stage.hooks.wrote({
      done: [
        ...[route, { ...route, op: 'route-replace' }, { ...route, op: 'route-delete' }],
        ...[
          { op: 'rule-add', rule },
          { op: 'rule-delete', rule },
        ],
        ...[
          { op: 'nexthop-replace', nexthop: group },
          { op: 'nexthop-delete', id: 1 },
        ],
      ] as Operation[],
      ...{ refused: 2, takenAlong: 40 },
    });
    stage.hooks.wrote({ done: [added('10.1.0.0/16')], refused: 0, takenAlong: 0 });
    stage.hooks.passed();
    await stage.pass(QUIET_MS);
    assert.deepEqual(stage.last.environment, {
      ...{ PATH: '/bin', RIB2FIB_HOOK: 'after', RIB2FIB_REFUSED: '2' },
      ...{ RIB2FIB_TABLES: 'fabric table200 table300 table400' },
      ...{ RIB2FIB_TABLE_IDS: '100 200 300 400', RIB2FIB_NEXTHOPS_CHANGED: '2' },
      ...{ RIB2FIB_ROUTES_ADDED: '2', RIB2FIB_ROUTES_REPLACED: '1', RIB2FIB_ROUTES_REMOVED: '41' },
      ...{ RIB2FIB_RULES_ADDED: '1', RIB2FIB_RULES_REMOVED: '1' },
    });
  });

  it('is told of whole tables by the lack of a number', async () => {
    const stage = new Stage(BOTH);
    stage.hooks.open({ tables: new Set([100]), prefixes: undefined });
    await stage.pass(0);
    assert.equal('RIB2FIB_PREFIXES' in stage.last.environment, false);
  });

  it('is one as long as changes follow each other, but not for ever', async () => {
    const stage = new Stage(BOTH);
    stage.change();
    await stage.pass(0);
    await stage.last.end(OK);
    for (let ms = 0; ms < MOST_OPEN_MS; ms += 100) {
      assert.equal(stage.change(), true);
      assert.equal(stage.programs, 'before');
      await stage.pass(100);
    }
    assert.equal(stage.change(), true, 'the last of it');
    assert.equal(stage.change(), false, 'the first of the next');
    await stage.pass(QUIET_MS);
    assert.equal(stage.programs, 'before after…');
    assert.equal(stage.last.environment['RIB2FIB_ROUTES_ADDED'], String(MOST_OPEN_MS / 100 + 1));
    await stage.last.end(OK);
    assert.equal(stage.programs, 'before after before…');
  });

  it('does not end in the midst of a pass', async () => {
    const stage = new Stage({ ...NONE, after: AFTER });
    stage.hooks.open(AHEAD);
    stage.hooks.wrote(ADDED);
    await stage.pass(10 * MOST_OPEN_MS);
    assert.equal(stage.programs, '');
    stage.hooks.passed();
    await stage.pass(QUIET_MS);
    assert.equal(stage.programs, 'after…');
  });

  it('stays open for a pass that is late', async () => {
    const stage = new Stage(BOTH);
    stage.change();
    await stage.pass(0);
    await stage.last.end(OK);
    await stage.pass(5_000);
    assert.equal(stage.change(), true);
    assert.equal(stage.programs, 'before');
  });

  it('that came to nothing has no after, save where before has run', async () => {
    const only = new Stage({ ...NONE, after: AFTER });
    assert.equal(only.hooks.open(AHEAD), undefined);
    only.hooks.passed();
    await only.pass(MOST_OPEN_MS);
    assert.equal(only.programs, '');
    const both = new Stage(BOTH);
    both.hooks.open(AHEAD);
    await both.pass(0);
    await both.last.end(OK);
    assert.equal(both.hooks.open(AHEAD), undefined);
    both.hooks.passed();
    await both.pass(QUIET_MS);
    assert.equal(both.programs, 'before after…');
    assert.equal(both.last.environment['RIB2FIB_ROUTES_ADDED'], '0');
  });

  it('goes by the hooks that it began with', async () => {
    const stage = new Stage(BOTH);
    stage.change();
    await stage.pass(0);
    stage.config = NONE;
    assert.equal(stage.hooks.isWatched, true);
    await stage.last.end(OK);
    stage.change();
    await stage.pass(QUIET_MS);
    await stage.last.end(OK);
    assert.equal(stage.programs, 'before after');
    assert.equal(stage.hooks.isWatched, false);
  });
});

it('a change as a batch ends is the one’s or the other’s', async () => {
  for (let depth = 0; depth < 16; depth++) {
    const stage = new Stage({ ...NONE, after: AFTER });
    stage.change();
    await stage.pass(QUIET_MS - 1);
    const moved = stage.clock.advance(1);
    for (let i = 0; i < depth; i++) await Promise.resolve();
    assert.equal(stage.change(), true);
    await moved;
    for (let i = 0; i < 2; i++) {
      await stage.pass(QUIET_MS);
      if (!stage.last.ended) await stage.last.end(OK);
    }
    const told = stage.started.map(({ environment }) =>
      Number(environment['RIB2FIB_ROUTES_ADDED']),
    );
    assert.equal(
      told.reduce((sum, one) => sum + one),
      2,
      `${depth} steps after: ${told}`,
    );
  }
});

describe('two batches', () => {
  it('without before: a change waits for no after, and afters run one by one', async () => {
    const stage = new Stage({ ...NONE, after: AFTER });
    assert.equal(stage.change(), true);
    await stage.pass(QUIET_MS);
    for (let i = 0; i < 50; i++) {
      assert.equal(stage.change(), true);
      await stage.pass(QUIET_MS + 1);
    }
    assert.equal(stage.programs, 'after…');
    await stage.last.end(OK);
    await stage.pass(QUIET_MS);
    assert.equal(stage.programs, 'after after…');
    assert.equal(stage.last.environment['RIB2FIB_ROUTES_ADDED'], '50');
  });

  it('with before: the second waits for the after of the first', async () => {
    const stage = new Stage(BOTH);
    stage.change();
    await stage.pass(0);
    await stage.last.end(OK);
    stage.change();
    await stage.pass(QUIET_MS);
    assert.equal(stage.programs, 'before after…');
    assert.equal(stage.change(), false);
    await stage.last.end(OK);
    assert.equal(stage.programs, 'before after before…');
    await stage.last.end(OK);
    assert.equal(stage.change(), true);
  });
});

describe('a hook that does not end well', () => {
  for (const end of [FAILED, TIMEOUT]) {
    it(`before, ${end.result}: the change comes`, async () => {
      const stage = new Stage({ ...NONE, before: BEFORE });
      assert.equal(stage.change(), false);
      await stage.pass(0);
      await stage.last.end(end);
      assert.equal(stage.change(), true);
      assert.equal(stage.counts[`before ${end.result}`], 1);
      const { last, failures, runs } = stage.hooks.reports()[0] ?? {};
      assert.deepEqual(
        [last?.result, last?.detail, failures, runs],
        [end.result, end.detail, 1, 1],
      );
    });
  }

  it('before, killed for its time: not waited for until it has ended in time', async () => {
    const stage = new Stage(BOTH);
    stage.change();
    await stage.pass(0);
    await stage.last.end(TIMEOUT);
    stage.change();
    await stage.pass(QUIET_MS);
    await stage.last.end(OK);
    assert.equal(stage.programs, 'before after');
    assert.equal(stage.change(), true, 'at once');
    await stage.pass(1_000);
    assert.equal(stage.programs, 'before after before…', 'it is run all the same');
    assert.equal(stage.change(), true, 'as long as it takes');
    await stage.pass(1_000);
    assert.equal(stage.programs, 'before after before…', 'and after waits for it');
    await stage.last.end(FAILED);
    await stage.pass(0);
    assert.equal(stage.programs, 'before after before after…');
    await stage.last.end(OK);
    assert.equal(stage.change(), false, 'it ended in time');
  });

  it('before and the after ahead of it: a change waits for both together as long as a before may take', async () => {
    const stage = new Stage({ before: BEFORE, after: { ...AFTER, timeout: 60_000 } });
    stage.change();
    await stage.pass(0);
    await stage.last.end(OK);
    stage.change();
    await stage.pass(QUIET_MS);
    assert.equal(stage.programs, 'before after…');
    const opening = stage.hooks.open(AHEAD);
    assert.equal(stage.hooks.open(AHEAD), opening, 'one promise, and one waiter');
    await stage.pass(BEFORE.timeout - 1);
    assert.equal(stage.change(), false);
    await stage.pass(1);
    await opening;
    assert.equal(stage.programs, 'before after…');
    assert.equal(stage.change(), true);
    await stage.last.end(OK);
    assert.equal(stage.programs, 'before after before…', 'it is run all the same');
    await stage.pass(100);
    assert.equal(stage.change(), true);
    await stage.last.end(OK);
    await stage.pass(QUIET_MS);
    assert.equal(stage.programs, 'before after before after…');
    assert.equal(stage.last.environment['RIB2FIB_ROUTES_ADDED'], '2');
    await stage.last.end(OK);
    assert.equal(stage.change(), false, 'the next batch is waited for');
  });

  it('after, killed for its time: no change waits for the next one', async () => {
    const stage = new Stage(BOTH);
    const round = async (): Promise<void> => {
      stage.change();
      await stage.pass(0);
      await stage.last.end(OK);
      stage.change();
      await stage.pass(QUIET_MS);
    };
    await round();
    await stage.last.end(TIMEOUT);
    await round();
    assert.equal(stage.programs, 'before after before after…');
    assert.equal(stage.change(), true);
  });

  it('is told of once, then once a minute, and when it is over', async () => {
    const stage = new Stage({ ...NONE, after: AFTER });
    const run = async (end: ProgramEnd): Promise<void> => {
      stage.change();
      await stage.pass(QUIET_MS);
      await stage.last.end(end);
    };
    for (let i = 0; i < 10; i++) await run(FAILED);
    const told = () => stage.lines.filter((line) => !line.startsWith('debug'));
    assert.equal(told().length, 1);
    assert.match(told()[0] ?? '', /^warn: a hook failed.*"hook":"after","program":"\/bin\/after"/);
    assert.match(told()[0] ?? '', /"output":"why","detail":"exit code 7","failures":1/);
    await stage.pass(60_000);
    await run(FAILED);
    assert.match(told()[1] ?? '', /"failures":11/);
    await run(OK);
    assert.match(told()[2] ?? '', /^info: a hook ends well again/);
    await run(FAILED);
    assert.match(told()[3] ?? '', /"failures":1\}/);
  });
});

describe('what could not wait', () => {
  it('has an after, though no before', async () => {
    const stage = new Stage(BOTH);
    stage.hooks.wrote(ADDED);
    stage.hooks.passed();
    await stage.pass(QUIET_MS);
    assert.equal(stage.programs, 'after…');
  });

  it('goes into the batch that waits', async () => {
    const stage = new Stage(BOTH);
    stage.change();
    await stage.pass(0);
    stage.hooks.wrote(ADDED);
    stage.hooks.passed();
    await stage.pass(MOST_OPEN_MS);
    assert.equal(stage.programs, 'before…');
    await stage.last.end(OK);
    stage.change();
    await stage.pass(QUIET_MS);
    assert.equal(stage.last.environment['RIB2FIB_ROUTES_ADDED'], '2');
  });
});

describe('the end', () => {
  it('of nothing is at once', async () => {
    await new Stage(BOTH).hooks.end();
  });

  it('runs the after of an open batch, without waiting for quiet', async () => {
    const stage = new Stage({ ...NONE, after: AFTER });
    stage.change();
    await stage.pass(0);
    let ended = false;
    const end = stage.hooks.end().then(() => {
      ended = true;
    });
    await stage.pass(0);
    assert.deepEqual([stage.programs, ended], ['after…', false]);
    await stage.last.end(OK);
    await end;
  });

  it('stops a before, which has its after', async () => {
    const stage = new Stage(BOTH);
    stage.change();
    await stage.pass(0);
    const end = stage.hooks.end();
    await stage.pass(0);
    assert.equal(stage.programs, 'before after…');
    await stage.last.end(OK);
    await end;
    assert.equal(stage.counts['before ok'], 0);
  });
});

it('whatever comes when: one program at a time, each change before an after that begins later, no wait for ever', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ do: 'change' } as const) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(1_500) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        end: fc.constantFrom(OK, FAILED, TIMEOUT),
      }),
    },
  );
  const configs = fc.constantFrom(BOTH, { ...NONE, before: BEFORE }, { ...NONE, after: AFTER });
  await fc.assert(
    fc.asyncProperty(configs, fc.array(step, { maxLength: 60 }), async (config, steps) => {
      const stage = new Stage(config);
      let [changes, waited] = [0, 0];
      for (const one of steps) {
        if (one.do === 'change') {
          if (stage.change()) changes++;
          else waited++;
        } else if (one.do === 'pass') await stage.pass(one.ms);
        else if (stage.started.length > 0 && !stage.last.ended) await stage.last.end(one.end);
        const running = stage.started.filter(({ ended }) => !ended).length;
        assert.ok(running <= 1, `${running} programs at a time`);
      }
      // Everything ends at last: then one who waits may go, and the last after has seen it all.
      for (let i = 0; i < 6; i++) {
        if (stage.started.length > 0 && !stage.last.ended) await stage.last.end(OK);
        await stage.pass(MOST_OPEN_MS);
        if (waited > 0 && stage.change()) [changes, waited] = [changes + 1, 0];
      }
      assert.equal(waited, 0, 'a change waits for ever');
      const told = stage.started
        .filter(({ run }) => run[0] === '/bin/after')
        .reduce((sum, { environment }) => sum + Number(environment['RIB2FIB_ROUTES_ADDED']), 0);
      assert.equal(told, config.after === undefined ? 0 : changes);
    }),
    { numRuns: 200 },
  );
});
