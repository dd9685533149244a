/** One line of a watch, and one page of a list, in the terms of the API machinery. Pure. */
import { ApiError } from './api-error.js';
import { Fields, ObjectFault } from './fields.js';

export type WatchEvent =
  | { readonly type: 'put' | 'gone'; readonly object: Fields; readonly version: string }
  /** Nothing changed up to this version. */
  | { readonly type: 'bookmark'; readonly version: string };

/**
 * @throws ApiError of code 410 where the version is too old to go on from
 * @throws ObjectFault for any other ERROR event, and for what is no event: something may be missing then
 */
export function watchEvent(line: unknown): WatchEvent {
  const fields = Fields.of(line, 'the event');
  const [type, object] = [fields.text('type'), fields.mapping('object')];
  if (type === 'ERROR') throw endedBy(object);
  const version = object.mapping('metadata').text('resourceVersion');
  if (version === undefined) throw new ObjectFault('the event has no resourceVersion');
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'put', object, version };
    case 'DELETED':
      return { type: 'gone', object, version };
    case 'BOOKMARK':
      return { type: 'bookmark', version };
    default:
      throw new ObjectFault(`the event is of no known type: ${type}`);
  }
}

/** By a Status object in the place of one of the resource. */
function endedBy(status: Fields): Error {
  const [code, text] = [status.number('code'), status.text('message') ?? ''];
  if (code === 410) return new ApiError(code, status.text('reason') ?? '', text);
  return new ObjectFault(`the watch has ended with an error: ${code} ${text}`);
}

/** A part of a list. */
export interface ListPage {
  readonly items: readonly Fields[];
  readonly version: string;
  /** Where the next page begins; empty after the last. */
  readonly next: string;
}

/** @throws ObjectFault for what is no list */
export function listPage(body: unknown): ListPage {
  const fields = Fields.of(body, 'the list');
  const metadata = fields.mapping('metadata');
  const version = metadata.text('resourceVersion');
  if (version === undefined) throw metadata.fault('resourceVersion', 'is missing');
  return { items: fields.mappings('items'), version, next: metadata.text('continue') ?? '' };
}
