import { describe } from 'node:test';
import { testFaults } from './fault-rows.js';

const PEER_KEYS =
  'address, prefix, interface, as, routerId, connect, port, localAddress, role, password, passwordFile, ttlSecurity, holdTime, families, addPath, bgpRole, confederation, allowOwnAs, gracefulRestart';

/** Line 3 is the first key of `bgp`, column 5. */
const inBgp = (text: string) =>
  `source:\n  bgp:\n${text.replaceAll(/^(?=.)/gm, '    ')}tables: [ { id: 100 } ]\n`;

const OWN = 'as: 65000\nrouterId: 10.255.0.1\n';

/** Keys of the first peer, from line 6, column 9. */
const inPeer = (text: string) =>
  inBgp(`${OWN}peers:\n${text.replaceAll(/^(?=.)/gm, '    ').replace('    ', '  - ')}`);

describe('source.bgp', () => {
  testFaults(
    'our own side',
    [
      [
        'nothing in it',
        'listen: off\n',
        [
          'c.yaml:3:5: source.bgp.as: is missing; it must be a whole number from 1 to 4294967295',
          'c.yaml:3:5: source.bgp.routerId: is missing; it must be a router id such as 10.255.0.1, not 0.0.0.0',
          'c.yaml:3:5: source.bgp.peers: is missing; it must be a list',
        ],
      ],
      [
        'a router id that is none, AS_TRANS, and no peers',
        'as: 23456\nrouterId: 0.0.0.0\npeers: []\n',
        [
          'c.yaml:4:15: source.bgp.routerId: must be a router id such as 10.255.0.1, not 0.0.0.0, not "0.0.0.0"',
          'c.yaml:5:12: source.bgp.peers: must have at least one entry',
        ],
      ],
      [
        'AS_TRANS',
        'as: 23456\nrouterId: 10.0.0.1\npeers: [ { address: 10.9.0.2, as: 23456 } ]\n',
        [
          "c.yaml:3:9: source.bgp.as: 23456 is AS_TRANS, and nobody's own",
          "c.yaml:5:39: source.bgp.peers[0].as: 23456 is AS_TRANS, and nobody's own",
        ],
      ],
      [
        'a place to listen that is none',
        `listen: [ "127.0.0.2:1790", here ]\n${OWN}peers: [ { address: 10.9.0.2, as: 1 } ]\n`,
        [
          'c.yaml:3:33: source.bgp.listen[1]: must be ADDRESS:PORT such as 127.0.0.1:9469 or [::1]:9469, or off, not "here"',
        ],
      ],
      [
        'nobody may call, and nobody is called',
        `listen: off\n${OWN}peers: [ { address: 10.9.0.2, as: 1 } ]\n`,
        [
          'c.yaml:6:14: source.bgp.peers[0]: can never be up: nothing listens for its call, and connect is false',
        ],
      ],
      [
        'a peer of the family that nothing listens in',
        `listen: 127.0.0.2:179\n${OWN}peers: [ { address: "2001:db8::2", as: 1 } ]\n`,
        [
          'c.yaml:6:14: source.bgp.peers[0]: can never be up: nothing listens for its call, and connect is false',
        ],
      ],
      [
        'both families at the unspecified IPv6 address, and a peer that is called',
        `listen: "[::]:179"\n${OWN}peers: [ { address: 10.9.0.2, as: 1 }, { address: 10.9.0.3, as: 1, connect: true } ]\n`,
        [],
      ],
    ],
    inBgp,
  );

  testFaults(
    'a peer',
    [
      [
        'keys that there are not',
        'address: 10.9.0.2\nas: 1\nneighbor: 10.9.0.3\n',
        [`c.yaml:8:9: source.bgp.peers[0].neighbor: unknown key (allowed here: ${PEER_KEYS})`],
      ],
      [
        'neither address nor prefix',
        'as: 65001\n',
        ['c.yaml:6:9: source.bgp.peers[0]: must have exactly one of address and prefix'],
      ],
      [
        'both',
        'as: 65001\naddress: 10.9.0.2\nprefix: 10.9.0.0/24\n',
        ['c.yaml:6:9: source.bgp.peers[0]: must have exactly one of address and prefix'],
      ],
      [
        'a prefix to be called',
        'as: 65001\nprefix: 10.9.0.0/24\nconnect: true\n',
        ['c.yaml:8:18: source.bgp.peers[0].connect: needs address: a prefix cannot be called'],
      ],
      [
        'hold times',
        'as: 65001\naddress: 10.9.0.2\nholdTime: 2s\n',
        [
          'c.yaml:8:19: source.bgp.peers[0].holdTime: must be 0s, or whole seconds from 3s to 65535s, not "2s"',
        ],
      ],
      [
        'a hold time that is no whole second',
        'as: 65001\naddress: 10.9.0.2\nholdTime: 3500ms\n',
        [
          'c.yaml:8:19: source.bgp.peers[0].holdTime: must be 0s, or whole seconds from 3s to 65535s, not "3500ms"',
        ],
      ],
      [
        'a link-local address without its interface',
        'as: 65001\naddress: fe80::2\nconnect: true\n',
        ['c.yaml:7:18: source.bgp.peers[0].address: fe80::2 is link-local: needs interface'],
      ],
      [
        'an interface of another address',
        'as: 65001\naddress: 10.9.0.2\ninterface: eth1\n',
        ['c.yaml:8:20: source.bgp.peers[0].interface: only goes with a link-local address'],
      ],
      [
        'an address to call from, of one that is not called, and of another family',
        'as: 65001\naddress: 10.9.0.2\nlocalAddress: "2001:db8::1"\n',
        [
          'c.yaml:8:23: source.bgp.peers[0].localAddress: only goes with connect: true',
          "c.yaml:8:23: source.bgp.peers[0].localAddress: is not an ipv4 address, as the peer's is",
        ],
      ],
      [
        'a role within an AS',
        'as: 65000\naddress: 10.9.0.2\nbgpRole: peer\n',
        [
          'c.yaml:8:18: source.bgp.peers[0].bgpRole: only goes with an external peer: this one has our own AS number',
        ],
      ],
      [
        'a confederation within an AS',
        'as: 65000\naddress: 10.9.0.2\nconfederation: true\n',
        [
          'c.yaml:8:24: source.bgp.peers[0].confederation: only goes with another AS: this one has our own AS number',
        ],
      ],
      [
        'a role within a confederation',
        'as: 65001\naddress: 10.9.0.2\nconfederation: true\nbgpRole: peer\n',
        [
          'c.yaml:9:18: source.bgp.peers[0].bgpRole: only goes with an external peer: this one is of our confederation',
        ],
      ],
      [
        'our own router id',
        'as: 65000\naddress: 10.9.0.2\nrouterId: 10.255.0.1\n',
        [
          'c.yaml:8:19: source.bgp.peers[0].routerId: is our own: an internal peer must have another',
        ],
      ],
      [
        'a password that is too long, which is not shown',
        `as: 65001\naddress: 10.9.0.2\npassword: ${'x'.repeat(81)}\n`,
        ['c.yaml:8:19: source.bgp.peers[0].password: must be a password of 1 to 80 bytes'],
      ],
      [
        'a password and a file of one',
        'as: 65001\naddress: 10.9.0.2\npassword: x\npasswordFile: secret\n',
        ['c.yaml:9:23: source.bgp.peers[0].passwordFile: only goes without password'],
        { secret: 'x' },
      ],
      [
        'a file of a password that is not there',
        'as: 65001\naddress: 10.9.0.2\npasswordFile: secret\n',
        [
          'c.yaml:8:23: source.bgp.peers[0].passwordFile: secret cannot be read: no such file or directory',
        ],
      ],
      [
        'a file of a password that is empty',
        'as: 65001\naddress: 10.9.0.2\npasswordFile: secret\n',
        [
          'c.yaml:8:23: source.bgp.peers[0].passwordFile: secret does not hold a password of 1 to 80 bytes',
        ],
        { secret: '\n' },
      ],
      [
        'hops',
        'as: 65001\naddress: 10.9.0.2\nttlSecurity: 255\n',
        [
          'c.yaml:8:22: source.bgp.peers[0].ttlSecurity: must be a whole number from 1 to 254, not 255',
        ],
      ],
    ],
    inPeer,
  );

  testFaults(
    'several of one address',
    [
      [
        'without router ids',
        '{ address: 10.9.0.2, as: 1 }\n{ address: 10.9.0.2, as: 2, routerId: 1.1.1.1 }\n',
        ['c.yaml:7:9: source.bgp.peers[1]: has the address of a peer above: both need routerId'],
      ],
      [
        'with the same router id',
        '{ address: 10.9.0.2, as: 1, routerId: 1.1.1.1 }\n{ address: 10.9.0.2, as: 2, routerId: 1.1.1.1 }\n',
        ['c.yaml:7:47: source.bgp.peers[1].routerId: a peer above has it too, at the same address'],
      ],
      [
        'with a password each, and other hops',
        '{ address: 10.9.0.2, as: 1, routerId: 1.1.1.1, password: a }\n{ address: 10.9.0.2, as: 2, routerId: 1.1.1.2, password: b, ttlSecurity: 1 }\n',
        [
          'c.yaml:7:9: source.bgp.peers[1]: has the address of a peer above, and must have its password',
          'c.yaml:7:9: source.bgp.peers[1]: has the address of a peer above, and must have its ttlSecurity',
        ],
      ],
      [
        'the same prefix on two interfaces',
        '{ prefix: "fe80::/64", as: 1, interface: eth1 }\n{ prefix: "fe80::/64", as: 2, interface: eth2 }\n',
        [
          'c.yaml:6:9: source.bgp.peers[0]: can never be up: nothing listens for its call, and connect is false',
          'c.yaml:7:9: source.bgp.peers[1]: can never be up: nothing listens for its call, and connect is false',
        ],
      ],
      [
        'the same link-local address on two interfaces, with a password each, or none',
        ['a', 'b', undefined]
          .map((password, i) => {
            const rest = password === undefined ? '' : `, password: ${password}`;
            return `{ address: "fe80::2", as: 1, interface: eth${i}, connect: true${rest} }\n`;
          })
          .join(''),
        [
          'c.yaml:7:9: source.bgp.peers[1]: has the address of a peer above, and must have its password',
          'c.yaml:8:9: source.bgp.peers[2]: has the address of a peer above, and must have its password',
          'c.yaml:8:9: source.bgp.peers[2]: has the address of a peer above, and must have its password',
        ],
      ],
      [
        'hops and passwords of prefixes that an OPEN alone tells apart',
        '{ prefix: 10.9.0.0/16, as: 1, routerId: 1.1.1.1, ttlSecurity: 1 }\n{ prefix: 10.0.0.0/8, as: 1, password: a }\n',
        [
          'c.yaml:7:9: source.bgp.peers[1]: overlaps a peer above, and must have its password',
          'c.yaml:7:9: source.bgp.peers[1]: overlaps a peer above, and must have its ttlSecurity',
        ],
      ],
      [
        'of prefixes where one is the interface’s own',
        '{ prefix: 10.0.0.0/8, as: 1, routerId: 1.1.1.1, ttlSecurity: 1, interface: eth1 }\n{ prefix: 10.0.0.0/8, as: 1 }\n{ prefix: 10.0.0.0/8, as: 1, interface: eth2, ttlSecurity: 1 }\n',
        ['c.yaml:7:9: source.bgp.peers[1]: overlaps a peer above, and must have its ttlSecurity'],
      ],
      [
        'of prefixes that the address tells apart, or that are apart',
        '{ prefix: 10.9.0.0/16, as: 1, ttlSecurity: 1 }\n{ prefix: 10.0.0.0/8, as: 1, password: a, routerId: 1.1.1.1 }\n{ prefix: 11.0.0.0/8, as: 1, routerId: 1.1.1.1, ttlSecurity: 2 }\n{ address: 10.9.0.2, as: 1, routerId: 1.1.1.1, ttlSecurity: 3 }\n',
        [],
      ],
      [
        'the same link-local address on two interfaces',
        '{ address: "fe80::2", as: 1, interface: eth1, connect: true }\n{ address: "fe80::2", as: 2, interface: eth2, connect: true }\n',
        [],
      ],
    ],
    (text) => inBgp(`${OWN}peers:\n${text.replaceAll(/^(?=.)/gm, '  - ')}`),
  );
});
