/**
 * Alertmanager's `POST /api/v2/alerts` for tests: takes what Alertmanager takes,
 * refuses what it refuses, and passes it to the parent over IPC.
 */
import { createServer } from 'node:http';
import type { PostedAlert } from './alertmanager.js';

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const fault = take(request.method, request.url, Buffer.concat(chunks).toString());
  response.writeHead(fault === undefined ? 200 : 400, { 'content-type': 'application/json' });
  response.end(fault === undefined ? undefined : JSON.stringify(fault));
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('listening'));
process.on('disconnect', () => process.exit());

/** What is wrong with the request, if anything. */
function take(method: string | undefined, url: string | undefined, body: string) {
  if (method !== 'POST' || url !== '/api/v2/alerts') return `${method} ${url}`;
  const alerts = JSON.parse(body) as PostedAlert[];
  for (const { labels, startsAt, endsAt } of alerts) {
    if (labels.alertname === undefined) return 'alertname is missing';
    const bad = Object.keys(labels).find((name) => !LABEL_NAME.test(name));
    if (bad !== undefined) return `invalid label name ${bad}`;
    if (!RFC_3339.test(startsAt) || !RFC_3339.test(endsAt)) return 'invalid date-time';
    if (Date.parse(endsAt) < Date.parse(startsAt)) return 'start time must be before end time';
  }
  process.send?.(alerts);
  return undefined;
}
