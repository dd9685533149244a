import { countText } from './amount.js';

const WIDTH = 30;
/** Fewer steps are over before anyone could read. */
const WORTH_SHOWING = 2_000;

/** Draws at most once a percent; `draw('')` at the end takes the bar away. */
export function progressBar(draw: (line: string) => void): (done: number, total: number) => void {
  let drawn = -1;
  return (done, total) => {
    if (total < WORTH_SHOWING) return;
    const percent = Math.floor((100 * done) / total);
    if (percent === drawn) return;
    drawn = percent;
    const full = Math.floor((WIDTH * done) / total);
    const bar = '#'.repeat(full) + '.'.repeat(WIDTH - full);
    draw(done >= total ? '' : `[${bar}] ${percent} %  ${countText(done)} of ${countText(total)}`);
  };
}
