/** An HTTP server in a namespace that speaks as much of Alertmanager's v2 API as alerts need. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { here, type Netns } from './netns.js';

/** As it was posted; Alertmanager holds an alert for resolved once `endsAt` has passed. */
export interface PostedAlert {
  readonly labels: Readonly<{ alertname?: string; [name: string]: string | undefined }>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

const PROGRAM = fileURLToPath(new URL('./alertmanager-process.ts', import.meta.url));

export class Alertmanager implements AsyncDisposable {
  readonly #alerts = new Map<string, PostedAlert>();

  private constructor(
    /** As rib2fib's `alerts.alertmanager` takes it. */
    readonly url: string,
    private readonly child: ChildProcess,
  ) {
    child.on('message', (message: 'listening' | readonly PostedAlert[]) => {
      if (message === 'listening') return;
      for (const alert of message) this.#alerts.set(identity(alert.labels), alert);
    });
  }

  /** Resolves once it listens on 127.0.0.1 in the namespace. */
  static async start(netns: Netns = here, port = 9093): Promise<Alertmanager> {
    const command = [process.execPath, '--import', import.meta.resolve('tsx'), PROGRAM];
    const child = netns.spawn([...command, String(port)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const alertmanager = new Alertmanager(`http://127.0.0.1:${port}`, child);
    await once(child, 'message');
    return alertmanager;
  }

  /** Alerts that are firing now, as `name severity table/peer/family`, sorted; the scope where they have one. */
  firing(): readonly string[] {
    return this.#where((endsAt) => endsAt > Date.now());
  }

  /** Those that were told and have ended. */
  resolved(): readonly string[] {
    return this.#where((endsAt) => endsAt <= Date.now());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  #where(test: (endsAt: number) => boolean): readonly string[] {
    return [...this.#alerts.values()]
      .filter(({ endsAt }) => test(Date.parse(endsAt)))
      .map(({ labels }) => alertText(labels))
      .sort();
  }
}

function alertText(labels: PostedAlert['labels']): string {
  const scope = ['table', 'peer', 'family'].flatMap((name) => labels[name] ?? []);
  const { alertname = '', severity = '' } = labels;
  return [alertname, severity, ...(scope.length === 0 ? [] : [scope.join('/')])].join(' ');
}

/** Alertmanager tells alerts apart by all their labels. */
function identity(labels: PostedAlert['labels']): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
