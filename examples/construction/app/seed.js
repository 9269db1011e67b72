'use strict';
// The first project, for a database that has none.

const { Nodes } = require('./nodes.js');

async function main() {
  const nodes = new Nodes(process.env.DATABASE_URL);
  const added = await nodes.seed('Harbour bridge', [
    ['part', 'Foundation'],
    ['part', 'North pier'],
    ['part', 'South pier'],
    ['plan', 'Deck, sheet 1'],
  ]);
  console.log(`added ${added} nodes`);
  await nodes.close();
}

main().catch((err) => {
  console.error(`seed: ${err.message}`);
  process.exitCode = 1;
});
