/** What processes have cost so far, by the kernel's account of them. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Of one or more processes together. */
export interface Usage {
  /** Processor time of all their threads, user and system, those that ended included. Seconds. */
  readonly cpuSeconds: number;
  /** The most each has ever had resident (VmHWM), summed. Megabytes of 10^6 bytes. */
  readonly peakMb: number;
  /** Resident now. */
  readonly residentMb: number;
}

const TICKS_A_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** @throws Error for a process that is not there */
export function usageOf(pids: readonly number[]): Usage {
  const sum = (of: (pid: number) => number) => pids.reduce((total, pid) => total + of(pid), 0);
  return {
    cpuSeconds: sum(cpuSeconds),
    peakMb: sum((pid) => statusMb(pid, 'VmHWM')),
    residentMb: sum((pid) => statusMb(pid, 'VmRSS')),
  };
}

/**
 * Milliseconds on a processor of the threads that are there now: the first number
 * of each one's schedstat, ns. Finer than ticks, and blind to threads that ended:
 * for processes at rest.
 */
export function restingCpuMs(pids: readonly number[]): number {
  return pids.reduce((total, pid) => {
    const tasks = `/proc/${pid}/task`;
    return readdirSync(tasks).reduce((sum, task) => {
      const [ns] = readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ');
      return sum + Number(ns) / 1e6;
    }, total);
  }, 0);
}

/** proc(5): utime and stime are fields 14 and 15 of stat, counted behind the name in parentheses. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

function statusMb(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no ${field}`);
  return (Number(kib) * 1024) / 1e6;
}
