import picocolors from 'picocolors';

type Paint = (text: string) => string;

/** Colour by meaning. Without colour every one of them returns its text as it is. */
export interface Style {
  readonly title: Paint;
  readonly good: Paint;
  readonly warning: Paint;
  readonly bad: Paint;
  readonly faint: Paint;
}

export function createStyle(colour: boolean): Style {
  const { bold, green, yellow, red, dim } = picocolors.createColors(colour);
  return { title: bold, good: green, warning: yellow, bad: red, faint: dim };
}

export const PLAIN: Style = createStyle(false);
