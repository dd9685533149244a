import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hostPortText } from '../../../src/net/host-port.js';
import { routerIdText } from '../../../src/net/router-id.js';

it('a router id is a dotted quad, whatever its first bit', () => {
  assert.equal(routerIdText(0x0aff0001), '10.255.0.1');
  assert.equal(routerIdText(0xffffffff), '255.255.255.255');
  assert.equal(routerIdText(-1), '255.255.255.255');
});

it('an IPv6 address is told from its port by brackets', () => {
  assert.equal(hostPortText({ host: '::1', port: 179 }), '[::1]:179');
  assert.equal(hostPortText({ host: '127.0.0.1', port: 179 }), '127.0.0.1:179');
  assert.equal(hostPortText({ host: 'localhost', port: 179 }), 'localhost:179');
});
