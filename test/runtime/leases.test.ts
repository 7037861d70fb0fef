import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { readLeases, releaseAddress, takeAddress } from '../../src/runtime/network/leases.js';
import { addressOf, numberOf } from '../../src/runtime/network/subnet.js';
import { startTicksOf } from '../../src/runtime/process.js';

const tiny = { network: '10.99.0.0', prefixLength: 29, gateway: '10.99.0.1', hostInterface: 'none0' };
const me = { pid: process.pid, startTicks: startTicksOf(process.pid)! };

test('addresses are numbers and back', (t) => {
  t.equal(addressOf(numberOf('10.86.255.254')), '10.86.255.254');
  t.equal(addressOf(numberOf('10.86.0.255') + 1), '10.86.1.0');
  t.end();
});

test('an address rests before it is given out again', (t) => {
  const directory = t.testdir();
  const take = () => takeAddress(readLeases(directory), tiny, { uid: 'u', ...me });
  t.equal(take(), '10.99.0.2');
  releaseAddress(directory, '10.99.0.2', 'u');
  t.equal(take(), '10.99.0.3');
  t.equal(take(), '10.99.0.4');
  t.end();
});

test('a full subnet is an error that counts its addresses', (t) => {
  const directory = t.testdir();
  for (let i = 0; i < 5; i++) takeAddress(readLeases(directory), tiny, { uid: `u${i}`, ...me });
  t.same(readdirSync(directory).sort(), ['10.99.0.2', '10.99.0.3', '10.99.0.4', '10.99.0.5', '10.99.0.6', 'last']);
  t.throws(() => takeAddress(readLeases(directory), tiny, { uid: 'x', ...me }), { code: 'ERR_PODRUN_NO_ADDRESS' });
  t.end();
});

test('a lease of a dead process, of a process number that came back, or half-written, is free', (t) => {
  const directory = t.testdir();
  writeFileSync(join(directory, '10.99.0.2'), JSON.stringify({ uid: 'a', pid: 2 ** 22 - 1, startTicks: 1 }));
  writeFileSync(join(directory, '10.99.0.3'), JSON.stringify({ uid: 'b', pid: me.pid, startTicks: me.startTicks + 1 }));
  writeFileSync(join(directory, '10.99.0.4'), '{"uid":');
  writeFileSync(join(directory, '10.99.0.5'), JSON.stringify({ uid: 'd', ...me }));
  t.same([...readLeases(directory).leases.keys()], ['10.99.0.5']);
  t.notOk(existsSync(join(directory, '10.99.0.2')));
  t.end();
});

test('only the holder gives an address back', (t) => {
  const directory = t.testdir();
  const address = takeAddress(readLeases(directory), tiny, { uid: 'mine', ...me });
  releaseAddress(directory, address, 'other');
  t.ok(existsSync(join(directory, address)));
  releaseAddress(directory, address, 'mine');
  t.notOk(existsSync(join(directory, address)));
  releaseAddress(directory, address, 'mine');
  t.end();
});
