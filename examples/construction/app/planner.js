'use strict';
// Works on the plans of one team: here it counts them, and says when there
// are more.

const team = process.argv[2];
let told = -1;

async function look() {
  try {
    const answer = await fetch(`${process.env.API_URL}/nodes`, { signal: AbortSignal.timeout(5000) });
    const plans = (await answer.json()).filter((n) => n.kind === 'plan').length;
    if (plans !== told) console.log(`${plans} plans for ${team}`);
    told = plans;
  } catch (err) {
    console.error(`the API does not answer: ${err.message}`);
  }
}

console.log(`planning for ${team}`);
const timer = setInterval(look, 1000);
look();

process.once('SIGTERM', () => {
  clearInterval(timer);
  console.log('stopping');
});
