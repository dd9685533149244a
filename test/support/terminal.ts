/** A pseudo-terminal, for what is shown to people only. */
import { once } from 'node:events';
import type { Netns } from './netns.js';

/** A command on a pseudo-terminal of script(1). */
export class Terminal {
  shown = '';

  private constructor(private readonly child: ReturnType<Netns['spawn']>) {
    child.stdout?.on('data', (chunk: Buffer) => {
      this.shown += chunk;
    });
  }

  /** `command` may begin with environment variables: `NO_COLOR=1 rib2fib status`. */
  static open(netns: Netns, command: string): Terminal {
    // The shell steps aside: a dash that waits would end with 130 at Ctrl-C, whatever the command does.
    const line = `exec env ${command}`;
    const argv = ['script', '--quiet', '--flush', '--return', '--command', line, '/dev/null'];
    return new Terminal(netns.spawn(argv, { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  /** Ctrl-C; resolves with the exit code. */
  interrupt(): Promise<number | null> {
    const ended = this.ended();
    this.child.stdin?.write('\x03');
    return ended;
  }

  async ended(): Promise<number | null> {
    const [code] = (await once(this.child, 'close')) as [number | null];
    return code;
  }
}
