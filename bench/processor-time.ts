import { readdirSync, readFileSync } from 'node:fs';

/**
 * Milliseconds of processor time that the living threads of a process have used so
 * far. First number of each thread's schedstat, ns: finer than the ticks of `stat`.
 */
export function processorMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce((sum, task) => {
    const [ns] = readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ');
    return sum + Number(ns) / 1e6;
  }, 0);
}
