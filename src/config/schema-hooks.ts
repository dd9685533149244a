/** The keys of `hooks`: programs run before and after a change to the kernel. */
import * as z from 'zod';
import { DURATION_FORM, parseDuration } from './duration.js';
import { form, mapping } from './scalars.js';

/** A `before` that hangs keeps changes waiting for so long: no route is worth more. */
const LONGEST_MS = 60_000;

const timeout = form('duration', `${DURATION_FORM}, longer than 0 and at most 1m here`, (text) => {
  const milliseconds = parseDuration(text) ?? 0;
  return milliseconds > 0 && milliseconds <= LONGEST_MS ? milliseconds : undefined;
});

const RUN_FORM =
  'must be a program by its absolute path, and its arguments: [ /usr/local/bin/program, argument ]';

/** What execve(2) takes: a text ends with its first zero. */
const run = z
  .array(z.string({ error: 'must be text' }), { error: RUN_FORM })
  .min(1, { error: RUN_FORM })
  .transform(([program, ...args], context): readonly [string, ...string[]] => {
    const texts = [program ?? '', ...args];
    if (program?.startsWith('/') === true && !texts.some((text) => text.includes('\0'))) {
      return [program, ...args];
    }
    context.issues.push({ code: 'custom', message: RUN_FORM, input: texts });
    return z.NEVER;
  });

const hook = mapping({
  run: run.describe(
    'The program, by its absolute path, and its arguments: run as they stand, through no shell.',
  ),
  timeout: timeout
    .prefault('10s')
    .describe(
      'The longest it may take, at most `1m`; then it is killed with all that it started, and the change goes on.',
    ),
});

export const hooksSchema = mapping({
  before: hook
    .optional()
    .describe(
      'Run before a change, which waits for it, however it ends. One that was killed for its time is not waited for again until it has ended in time once.',
    ),
  after: hook
    .optional()
    .describe('Run once nothing has been changed for 200 ms, and every ten seconds of changes.'),
});
