/** Time against table size, as an SVG for the documentation. Pure. */
import { medianOf, type Row, sizeText } from './outcome.js';

const WIDTH = 720;
const HEIGHT = 440;
const AREA = { left: 70, right: 560, top: 40, bottom: 380 };
/** Told apart without colour too: by dashes, and by a name at the end of each line. */
const LINES = [
  { colour: '#0b6e4f', dash: '' },
  { colour: '#b3541e', dash: '6 3' },
  { colour: '#4a4e9e', dash: '2 3' },
  { colour: '#777777', dash: '8 3 2 3' },
] as const;

interface Series {
  readonly name: string;
  readonly points: readonly { readonly size: number; readonly seconds: number }[];
}

/** A line a contestant over the IPv4 tables loaded from a session; both axes are logarithmic. */
export function loadPlot(rows: readonly Row[]): string {
  const loads = rows.filter(({ work }) => work.includes('IPv4') && work.endsWith('wire to kernel'));
  const names = [...new Set(loads.map(({ contestant }) => contestant))];
  const series = names.map((name) => ({
    name,
    points: loads
      .filter(({ contestant }) => contestant === name)
      .map((row) => ({ size: row.size, seconds: medianOf(row, 'time s') }))
      .sort((a, b) => a.size - b.size),
  }));
  return svg(series);
}

function svg(series: readonly Series[]): string {
  const points = series.flatMap((one) => one.points);
  const x = axis(
    points.map(({ size }) => size),
    AREA.left,
    AREA.right,
  );
  const y = axis(
    points.map(({ seconds }) => seconds),
    AREA.bottom,
    AREA.top,
  );
  const body = [
    ...x.decades.map((size) => grid(x.at(size), AREA.bottom, x.at(size), AREA.top)),
    ...y.decades.map((seconds) => grid(AREA.left, y.at(seconds), AREA.right, y.at(seconds))),
    ...x.decades.map((size) => text(x.at(size), AREA.bottom + 20, 'middle', sizeText(size))),
    ...y.decades.map((seconds) => text(AREA.left - 8, y.at(seconds) + 4, 'end', `${seconds} s`)),
    text(
      (AREA.left + AREA.right) / 2,
      AREA.bottom + 44,
      'middle',
      'IPv4 routes of one BGP session',
    ),
    text(
      AREA.left,
      AREA.top - 16,
      'start',
      'First UPDATE on the wire to the last route in the kernel',
    ),
    ...series.flatMap((one, i) => line(one, LINES[i % LINES.length] ?? LINES[0], x.at, y.at)),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    '<title>Seconds from the wire to the kernel, by the number of IPv4 routes</title>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

/** Whole decades around the values, laid out from `from` to `to`. */
function axis(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const at = (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  return { decades, at };
}

function line(
  { name, points }: Series,
  { colour, dash }: (typeof LINES)[number],
  x: (size: number) => number,
  y: (seconds: number) => number,
): string[] {
  const places = points.map(({ size, seconds }) => `${short(x(size))},${short(y(seconds))}`);
  const last = points.at(-1);
  const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
  return [
    `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`,
    ...places.map((place) => {
      const [cx, cy] = place.split(',');
      return `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"/>`;
    }),
    ...(last === undefined
      ? []
      : [
          text(
            x(last.size) + 10,
            y(last.seconds) + 4,
            'start',
            `${name}, ${short(last.seconds)} s`,
            colour,
          ),
        ]),
  ];
}

function grid(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}" stroke="#dddddd"/>`;
}

function text(x: number, y: number, anchor: string, words: string, colour = '#222222'): string {
  return `<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}" fill="${colour}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function short(value: number): string {
  return String(Number(value.toFixed(2)));
}
