'use strict';
// Failed logins per second by the recipe alone, without HTTP and without a password check.
//
//   REDIS_URL=… node throughput.js [SECONDS] [LOOPS]
//
// Prints {"logins": n, "seconds": s}. Each login has a name and an address of its own.
const { Limiters } = require('./limiters');

const seconds = Number(process.argv[2] ?? 5);
const loops = Number(process.argv[3] ?? 64);

async function main() {
  const limiters = new Limiters(process.env.REDIS_URL);
  await limiters.ready();
  const start = process.hrtime.bigint();
  const elapsed = () => Number(process.hrtime.bigint() - start) / 1e9;
  const run = `${process.pid}-${Date.now()}`;
  let logins = 0;
  async function loop(number) {
    for (let n = 0; elapsed() < seconds; n += 1) {
      const who = `${run}-${number}-${n}`;
      const { admitted } = await limiters.admits(who, who);
      if (!admitted || !await limiters.fail(who, who)) throw new Error(`${who} was refused`);
      logins += 1;
    }
  }
  await Promise.all(Array.from({ length: loops }, (_, number) => loop(number)));
  console.log(JSON.stringify({ logins, seconds: elapsed() }));
  limiters.client.disconnect();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
