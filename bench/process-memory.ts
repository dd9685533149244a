import { readFileSync } from 'node:fs';

/** In megabytes of 10^6 bytes. */
export interface ProcessMemory {
  /** VmRSS. */
  readonly resident: number;
  /** VmHWM: the most that was ever resident. */
  readonly peak: number;
}

/** By the kernel's account, now. */
export function memoryOf(pid: number): ProcessMemory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) =>
    (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6;
  return { resident: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}
