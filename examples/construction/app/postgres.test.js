'use strict';
const assert = require('node:assert');
const test = require('node:test');
const { Scram } = require('./postgres.js');

// The example of RFC 7677, section 3.
const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';

test('SCRAM proves the password as RFC 7677 shows', () => {
  const scram = new Scram('pencil', 'rOprNGfwEbeRWgbNEkqO', 'user');
  assert.strictEqual(scram.first(), 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  assert.strictEqual(
    scram.final(serverFirst),
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  );
  scram.verify('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

test('SCRAM refuses a server that does not know the password', () => {
  const scram = new Scram('pencil', 'rOprNGfwEbeRWgbNEkqO', 'user');
  scram.final(serverFirst);
  assert.throws(() => scram.verify('v=AAAA'), /could not prove/);
});

test('SCRAM refuses an answer to somebody else', () => {
  assert.throws(() => new Scram('pencil', 'mine').final(serverFirst), /another nonce/);
});
