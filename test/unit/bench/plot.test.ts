import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadPlot } from '../../../bench/plot.js';

const work = (size: string, family: string) =>
  `${size} ${family} routes of a session, wire to kernel`;
const row = (contestant: string, size: number, seconds: number, family = 'IPv4') => ({
  work: work(String(size), family),
  ...{ contestant, size, rounds: [{ 'time s': seconds }] },
});

describe('the plot of time against table size', () => {
  const rows = [
    row('ours', 1_000_000, 5),
    row('ours', 1_000, 0.05),
    row('a & <b>', 1_000, 0.1),
    row('a & <b>', 1_000_000, 10),
    row('ours', 200_000, 3, 'IPv6'),
    { work: 'something else', contestant: 'ours', size: 5, rounds: [{ 'time s': 1 }] },
  ];
  const svg = loadPlot(rows);
  const lines = [...svg.matchAll(/<polyline points="([^"]+)"/g)].map(([, points = '']) =>
    points.split(' ').map((point) => point.split(',').map(Number)),
  );

  it('has a line a contestant, over the IPv4 loads alone', () => {
    assert.deepEqual(
      lines.map((points) => points.length),
      [2, 2],
    );
  });

  it('puts more routes to the right, more time up, on logarithmic axes', () => {
    const [ours, theirs] = lines;
    const [[x1, y1] = [], [x2, y2] = []] = ours ?? [];
    const [[, other1] = [], [, other2] = []] = theirs ?? [];
    assert.ok(Number(x1) < Number(x2));
    assert.ok(Number(y1) > Number(y2));
    // Twice the time is the same distance everywhere.
    const gap = Number(y1) - Number(other1);
    assert.ok(gap > 0 && Math.abs(gap - (Number(y2) - Number(other2))) < 0.05);
  });

  it('names contestants safely, and is one well-formed element', () => {
    assert.match(svg, />a &amp; &lt;b&gt;, 10 s</);
    assert.equal(svg.match(/<svg/g)?.length, 1);
    assert.match(svg, /<title>[^<]+<\/title>/);
    assert.ok(svg.endsWith('</svg>\n'));
    assert.ok(!/NaN|Infinity|undefined/.test(svg));
  });
});
