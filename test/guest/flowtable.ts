/** Marked connections that another program puts into a flowtable; daemons/return-path-flowtable.test.ts runs this in a kernel that has them. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { CONNMARK, table } from '../support/connmark.js';
import { type Fabric, PLANES, POD, ReturnLab, ROAMING } from '../support/return-lab.js';
import { ROUTER1, ROUTER2 } from '../support/two-fabrics.js';

/** A service of UDP behind a DNAT, as kube-proxy's. */
const SERVICE = '203.0.113.40';
const PORT = 9;

const ECHO = `
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address));
socket.bind(${PORT}, '${POD[0]}', () => console.log('listening'));
`;

/** Ten datagrams from always the same port: for the node one connection, wherever it comes from. Prints how many came back. */
const ASK = `
const socket = require('node:dgram').createSocket('udp4');
let [sent, back] = [0, 0];
socket.on('message', () => back++);
socket.bind(4009, '${ROAMING[0]}', () => {
  const timer = setInterval(() => {
    if (sent++ < 10) return socket.send('x', ${PORT}, '${SERVICE}');
    clearInterval(timer);
    setTimeout(() => { console.log(back); process.exit(); }, 1500);
  }, 100);
});
`;

const CONNECTIONS = `process.stdout.write(require('node:fs').readFileSync('/proc/net/nf_conntrack', 'utf8'))`;

/** A rule that puts connections into the flowtable, and what comes of it. */
const ROWS: readonly (readonly [what: string, rule: string, offloaded: boolean, moved: number])[] =
  [
    ['no rule puts any there', '', false, 10],
    ['one puts all there', 'ct state established flow add @f', true, 0],
    [
      'one puts those there that are not marked',
      'ct state established ct mark & 0x3000 == 0 flow add @f',
      false,
      10,
    ],
  ];

describe('a connection of two fabrics, beside a flowtable', () => {
  let lab: ReturnLab;
  let echo: ChildProcess | undefined;

  before(async () => {
    const plane = 'direct server return';
    lab = await ReturnLab.create({ planes: { [plane]: PLANES[plane] }, patience: 4000 });
    echo = lab.pod.spawn([process.execPath, '-e', ECHO], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (echo.stdout !== null) await once(createInterface({ input: echo.stdout }), 'line');
    await lab.node.exec(
      'nft',
      `table ip translated {
        chain in { type nat hook prerouting priority dstnat; ip daddr ${SERVICE} udp dport ${PORT} dnat to ${POD[0]}; }
      }`,
    );
    const one = (id: number, mark: string, gateway: string, name: string) =>
      table(
        { ...CONNMARK, connmark: { mark } },
        {
          ...{ id, name: `t${id}`, filters: [] },
          static: [{ prefix: '198.51.102.0/24', via: [{ gateway, interface: name }] }],
        },
      );
    await lab.fabrics.daemon({
      tables: [
        one(100, '0x1000/0x3000', ROUTER1, 'eth1'),
        one(101, '0x2000/0x3000', ROUTER2, 'eth2'),
      ],
    });
  });
  after(async () => {
    echo?.kill('SIGKILL');
    await lab[Symbol.asyncDispose]();
  });

  const answered = async (fabric: Fabric) =>
    Number(await lab.router(fabric).exec(process.execPath, '-e', ASK));
  const offloaded = async () => {
    const all = await lab.node.exec(process.execPath, '-e', CONNECTIONS);
    const line = all.split('\n').find((one) => one.includes(`dst=${SERVICE}`));
    assert.match(line ?? '', / mark=4096 /);
    return line?.includes('[OFFLOAD]');
  };

  for (const [what, rule, there, moved] of ROWS) {
    it(`${what}: ${moved === 10 ? 'it is answered by whichever fabric it comes' : 'it is answered by the first only'}`, async () => {
      await lab.node.exec(
        'nft',
        `table ip fast {
          flowtable f { hook ingress priority 0; devices = { eth1, eth2, pod0 }; }
          chain over { type filter hook forward priority 0; ${rule}; }
        }`,
      );
      assert.equal(await answered('router1'), 10);
      assert.equal(await offloaded(), there);
      assert.equal(await answered('router2'), moved);
      await lab.node.exec('nft', 'delete', 'table', 'ip', 'fast');
    });
  }
});
