/** Messages of real daemons, and what had been agreed on in their sessions; each file says where it comes from. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Family } from '../../../../../src/net/family.js';
import { CONTEXT_BEFORE_OPEN, Decoder } from '../../../../../src/source/bgp/message/decode.js';
import type {
  Capability,
  DecodeContext,
  OpenMessage,
} from '../../../../../src/source/bgp/message/message.js';
import { SESSIONS } from '../../../../capture/sessions.js';

export interface CapturedSession {
  /** `frr-8.4`. */
  readonly daemon: string;
  /** As test/capture/sessions.ts names it. */
  readonly name: string;
  readonly open: OpenMessage;
  readonly context: DecodeContext;
  /** Every message the daemon sent, its OPEN first. */
  readonly messages: readonly Buffer[];
}

interface File {
  readonly sessions: readonly { readonly name: string; readonly messages: readonly string[] }[];
}

const FAMILIES: readonly (readonly [number, Family])[] = [
  [1, 'ipv4'],
  [2, 'ipv6'],
];
const DIRECTORY = new URL('./captured/', import.meta.url);

export const CORPUS: readonly CapturedSession[] = readdirSync(DIRECTORY)
  .toSorted()
  .flatMap((file) => {
    const { sessions } = JSON.parse(readFileSync(new URL(file, DIRECTORY), 'utf8')) as File;
    return sessions.map((session) => ofFile(file.replace('.json', ''), session));
  });

function ofFile(daemon: string, { name, messages }: File['sessions'][number]): CapturedSession {
  const bytes = messages.map((hex) => Buffer.from(hex, 'hex'));
  const open = new Decoder(CONTEXT_BEFORE_OPEN).message(bytes[0] ?? Buffer.alloc(0));
  if (open.type !== 'open') throw new Error(`${daemon} ${name}: no OPEN in front`);
  return { daemon, name, open, context: agreed(name, open), messages: bytes };
}

function agreed(name: string, { as, capabilities: theirs }: OpenMessage): DecodeContext {
  const session = SESSIONS.find((one) => one.name === name);
  if (session === undefined) throw new Error(`no session ${name}`);
  const both = (type: Capability['type']) =>
    [theirs, session.capabilities].every((all) => all.some((one) => one.type === type));
  const families = (has: (capability: Capability, afi: number) => boolean) =>
    new Set(
      FAMILIES.filter(([afi]) => theirs.some((one) => has(one, afi))).map(([, family]) => family),
    );
  return {
    fourOctetAs: both('four-octet-as'),
    families: families((one, afi) => one.type === 'multiprotocol' && one.afi === afi),
    addPath: both('add-path')
      ? families(
          (one, afi) =>
            one.type === 'add-path' &&
            one.entries.some((entry) => entry.afi === afi && entry.mode !== 1),
        )
      : new Set(),
    extendedNextHop: both('extended-next-hop'),
    maxLength: both('extended-message') ? 65535 : 4096,
    internal: session.as === as,
    interface: 'eth1',
  };
}
