/** OPEN and its capabilities, from bytes and back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONTEXT_BEFORE_OPEN, Decoder } from '../../../../../src/source/bgp/message/decode.js';
import { encodeOpen } from '../../../../../src/source/bgp/message/encode.js';
import {
  type Capability,
  type OpenMessage,
  SessionError,
} from '../../../../../src/source/bgp/message/message.js';
import { message, type Octets, u16, u32 } from './build.js';

function decode(bytes: Buffer): OpenMessage {
  const decoded = new Decoder(CONTEXT_BEFORE_OPEN).message(bytes);
  if (decoded.type !== 'open') throw new Error(`a message of type ${decoded.type}`);
  return decoded;
}

interface OpenParts {
  readonly version?: number;
  readonly as?: number;
  readonly holdTime?: number;
  readonly routerId?: Octets;
  readonly parameters?: Octets;
  /** In the place of the true length. */
  readonly length?: number;
}

function open(parts: OpenParts): Buffer {
  const {
    version = 4,
    as = 65001,
    holdTime = 90,
    routerId = [1, 2, 3, 4],
    parameters = [],
  } = parts;
  const length = parts.length ?? parameters.length;
  return message(1, [version, ...u16(as), ...u16(holdTime), ...routerId, length, ...parameters]);
}

/** An OPEN with these capabilities in one parameter. */
function capabilities(...octets: readonly Octets[]): readonly Capability[] {
  const all = octets.flat();
  return decode(open({ parameters: [2, all.length, ...all] })).capabilities;
}

describe('OPEN', () => {
  it('without parameters', () => {
    assert.deepEqual(decode(open({})), {
      type: 'open',
      version: 4,
      as: 65001,
      holdTime: 90,
      routerId: 0x01020304,
      capabilities: [],
    });
  });

  const refresh = [2, 0];
  const fourOctets = [65, 4, ...u32(4200000000)];
  const forms: readonly [string, OpenParts][] = [
    ['one parameter', { parameters: [2, 8, ...refresh, ...fourOctets] }],
    ['one parameter each', { parameters: [2, 2, ...refresh, 2, 6, ...fourOctets] }],
    [
      'the form of RFC 9072',
      { length: 255, parameters: [255, 0, 11, 2, 0, 8, ...refresh, ...fourOctets] },
    ],
    [
      'the form of RFC 9072 with another short length',
      { length: 1, parameters: [255, 0, 14, 2, 0, 2, ...refresh, 2, 0, 6, ...fourOctets] },
    ],
  ];
  for (const [says, parts] of forms) {
    it(`capabilities in ${says}`, () => {
      assert.deepEqual(decode(open(parts)).capabilities, [
        { type: 'route-refresh' },
        { type: 'four-octet-as', as: 4200000000 },
      ]);
    });
  }

  it('no capabilities in the form of RFC 9072', () => {
    assert.deepEqual(decode(open({ length: 255, parameters: [255, 0, 0] })).capabilities, []);
  });

  const wrong: readonly [string, OpenParts, string, Octets][] = [
    ['version 3', { version: 3 }, '2/1', [0, 4]],
    ['AS number 0', { as: 0 }, '2/2', []],
    ['AS number 0 in four octets', { parameters: [2, 6, 65, 4, 0, 0, 0, 0] }, '2/2', []],
    ['hold time 1', { holdTime: 1 }, '2/6', []],
    ['hold time 2', { holdTime: 2 }, '2/6', []],
    ['BGP identifier 0', { routerId: [0, 0, 0, 0] }, '2/3', []],
    ['a parameter of unknown type', { parameters: [1, 2, 0, 0] }, '2/4', []],
    ['type 255 behind another parameter', { parameters: [2, 0, 255, 0] }, '2/4', []],
    ['parameters shorter than they say', { length: 5, parameters: [2, 0] }, '2/0', []],
    ['parameters longer than they say', { length: 0, parameters: [2, 0] }, '2/0', []],
    [
      'extended parameters with the short length 0',
      { length: 0, parameters: [255, 0, 0] },
      '2/0',
      [],
    ],
    ['a parameter cut short', { parameters: [2, 5, 2, 0] }, '2/0', []],
    ["a parameter's head cut short", { parameters: [2, 0, 2] }, '2/0', []],
    ['a capability cut short', { parameters: [2, 3, 65, 4, 0] }, '2/0', []],
    ["a capability's head cut short", { parameters: [2, 1, 65] }, '2/0', []],
    [
      'extended parameters cut short',
      { length: 255, parameters: [255, 0, 9, 2, 0, 2, 2, 0] },
      '2/0',
      [],
    ],
    [
      "an extended parameter's head cut short",
      { length: 255, parameters: [255, 0, 2, 2, 0] },
      '2/0',
      [],
    ],
    ['extended parameters without length', { length: 2, parameters: [255, 0] }, '2/4', []],
  ];
  for (const [says, parts, notification, data] of wrong) {
    it(`is refused: ${says}`, () => {
      assert.throws(
        () => decode(open(parts)),
        (error) => {
          assert.ok(error instanceof SessionError, String(error));
          const { code, subcode } = error.notification;
          assert.equal(`${code}/${subcode}`, notification);
          assert.deepEqual(error.notification.data, Buffer.from(data));
          return true;
        },
      );
    });
  }

  it('hold times 0 and 3 are right', () => {
    assert.deepEqual(
      [0, 3, 65535].map((holdTime) => decode(open({ holdTime })).holdTime),
      [0, 3, 65535],
    );
  });
});

describe('capabilities', () => {
  const rows: readonly [Octets, Capability][] = [
    [[1, 4, 0, 2, 0, 1], { type: 'multiprotocol', afi: 2, safi: 1 }],
    [[2, 0], { type: 'route-refresh' }],
    [
      [5, 6, 0, 1, 0, 1, 0, 2],
      { type: 'extended-next-hop', entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
    ],
    [[6, 0], { type: 'extended-message' }],
    [[9, 1, 3], { type: 'role', role: 3 }],
    [
      [64, 6, 0xc0, 120, 0, 1, 1, 0x80],
      {
        type: 'graceful-restart',
        restarting: true,
        notification: true,
        time: 120,
        families: [{ afi: 1, safi: 1, forwarding: true }],
      },
    ],
    [
      [64, 2, 0x0f, 0xff],
      {
        type: 'graceful-restart',
        restarting: false,
        notification: false,
        time: 4095,
        families: [],
      },
    ],
    [[65, 4, 0xfa, 0x56, 0xea, 0], { type: 'four-octet-as', as: 4200000000 }],
    [
      [69, 8, 0, 1, 1, 1, 0, 2, 1, 3],
      {
        type: 'add-path',
        entries: [
          { afi: 1, safi: 1, mode: 1 },
          { afi: 2, safi: 1, mode: 3 },
        ],
      },
    ],
    [[70, 0], { type: 'enhanced-route-refresh' }],
    [
      [71, 7, 0, 1, 1, 0x80, 1, 0, 0],
      {
        type: 'long-lived-graceful-restart',
        families: [{ afi: 1, safi: 1, forwarding: true, time: 65536 }],
      },
    ],
    // Not known, or not as its RFC says.
    ...[
      [73, 3, 1, 2, 3],
      [1, 3, 0, 1, 1],
      [2, 1, 0],
      [5, 5, 0, 1, 0, 1, 0],
      [6, 1, 0],
      [9, 2, 0, 0],
      [64, 1, 0],
      [64, 5, 0, 0, 0, 1, 1],
      [65, 2, 0, 1],
      [69, 4, 0, 1, 1, 0],
      [69, 8, 0, 1, 1, 1, 0, 2, 1, 4],
      [69, 3, 0, 1, 1],
      [70, 2, 0, 0],
      [71, 6, 0, 1, 1, 0, 0, 0],
    ].map((octets): [Octets, Capability] => [
      octets,
      { type: 'unknown', code: octets[0] as number, value: Buffer.from(octets.slice(2)) },
    ]),
  ];
  for (const [octets, wanted] of rows) {
    it(`${octets.join(' ')} is ${wanted.type}`, () => {
      assert.deepEqual(capabilities(octets), [wanted]);
      // … and back.
      const bytes = encodeOpen({ ...decode(open({})), capabilities: [wanted] });
      assert.deepEqual([...bytes.subarray(28)], [octets.length + 2, 2, octets.length, ...octets]);
    });
  }

  it('stand in the order they came in, once for each time', () => {
    assert.deepEqual(
      capabilities([70, 0], [1, 4, 0, 2, 0, 1], [70, 0]).map(({ type }) => type),
      ['enhanced-route-refresh', 'multiprotocol', 'enhanced-route-refresh'],
    );
  });

  it('do not share the octets of the message', () => {
    const bytes = open({ parameters: [2, 5, 73, 3, 1, 2, 3] });
    const { capabilities: found } = decode(bytes);
    bytes.fill(0);
    assert.deepEqual(found, [{ type: 'unknown', code: 73, value: Buffer.from([1, 2, 3]) }]);
  });
});
