import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asked } from '../../../bench/command-line.js';

const SCENARIOS = {
  load: { about: 'a table', when: 'always' },
  idle: { about: 'nothing', when: 'always' },
  soak: { about: 'a long time', when: 'named' },
} as const;

describe('what the bench is asked for', () => {
  const cases = [
    { args: [], is: { ask: 'run', scale: 'full', names: ['load', 'idle'], all: true } },
    { args: ['--quick'], is: { ask: 'run', scale: 'quick', names: ['load', 'idle'], all: true } },
    { args: ['soak'], is: { ask: 'run', scale: 'full', names: ['soak'], all: false } },
    // In their own order, each once.
    {
      args: ['idle', '--quick', 'load', 'idle'],
      is: { ask: 'run', scale: 'quick', names: ['load', 'idle'], all: false },
    },
    { args: ['plot'], is: { ask: 'plot' } },
    { args: ['markdown'], is: { ask: 'markdown' } },
  ] as const;
  for (const { args, is } of cases) {
    it(`[${args.join(' ')}]`, () => assert.deepEqual(asked(args, SCENARIOS), is));
  }

  it('explains itself, without a fault', () => {
    for (const args of [['help'], ['--help'], ['load', '-h']]) {
      const answer = asked(args, SCENARIOS);
      assert.equal(answer.ask, 'help');
      assert.match(answer.ask === 'help' ? answer.text : '', /^usage:.*\n {2}idle +nothing\n/s);
    }
  });

  it('refuses what it does not know, and lists what there is', () => {
    for (const args of [
      ['typo'],
      ['load', '--fast'],
      ['plot', 'load'],
      ['plot', '--quick'],
      ['toString'],
    ]) {
      const answer = asked(args, SCENARIOS);
      assert.equal(answer.ask, 'refuse', args.join(' '));
      assert.match(
        answer.ask === 'refuse' ? answer.why : '',
        /soak +a long time \(only when named\)/,
      );
    }
  });
});
