import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

const TIMEOUT_MS = 10_000;

/** One element of the body of Alertmanager's `POST /api/v2/alerts`; times are RFC 3339. */
export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

/** Hands alerts to the Alertmanager at `base`. Rejects unless it takes them with 200, or when `signal` aborts. */
export function postAlerts(
  base: string,
  alerts: readonly PostedAlert[],
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(`${base.replace(/\/+$/, '')}/api/v2/alerts`);
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const body = Buffer.from(JSON.stringify(alerts));
  return new Promise((resolve, reject) => {
    const request = send(
      url,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': body.length },
        timeout: TIMEOUT_MS,
        signal,
      },
      (response) => {
        response.resume();
        response.once('error', reject);
        response.once('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`Alertmanager answered ${response.statusCode}`));
        });
      },
    );
    request.once('timeout', () => request.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
    request.on('error', reject);
    request.end(body);
  });
}
