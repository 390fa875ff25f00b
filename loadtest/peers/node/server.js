'use strict';
// The sample login app on node's own HTTP server, in two processes as the others.
//
// PROTECTION   plain or rate-limiter-flexible
// HASH         fast or argon2
// COUNT_FILE   gets one byte for each password that is looked at
// REDIS_URL    where rate-limiter-flexible counts
// PORT         0 for a free one, which is printed
const cluster = require('node:cluster');
const { createHash, randomBytes, timingSafeEqual } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');

const { PROTECTION, HASH, COUNT_FILE, REDIS_URL, PORT = '0' } = process.env;
const WORKERS = 2;
const ACCOUNT = /^user(0|[1-9][0-9]{0,3})$/;
const PASSWORD = 'correct horse';
const LET_IN = 204, WRONG = 401, REFUSED = 429, BROKEN = 503;

async function verifier() {
  if (HASH === 'argon2') {
    const argon2 = require('@node-rs/argon2');
    const cost = { algorithm: argon2.Algorithm.Argon2id, memoryCost: 19456, timeCost: 2, parallelism: 1 };
    const stored = await argon2.hash(PASSWORD, cost);
    return (password) => argon2.verify(stored, password);
  }
  const salt = randomBytes(16);
  const digest = (password) => createHash('sha256').update(salt).update(password).digest();
  const stored = digest(PASSWORD);
  return async (password) => timingSafeEqual(digest(password), stored);
}

function body(request) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString()));
    request.on('error', reject);
  });
}

async function serve() {
  const count = fs.openSync(COUNT_FILE, 'a');
  const matches = await verifier();
  const limiters = PROTECTION === 'plain'
    ? null
    : new (require('./limiters').Limiters)(REDIS_URL);
  await limiters?.ready();

  // One byte in one write: the file's size is the count of all processes together. A name that
  // nobody has costs as much.
  async function verify(username, password) {
    fs.writeSync(count, '.');
    return await matches(password) && ACCOUNT.test(username);
  }

  async function login(username, password, address) {
    if (limiters === null) return await verify(username, password) ? LET_IN : WRONG;
    const { admitted, failures } = await limiters.admits(username, address);
    if (!admitted) return REFUSED;
    if (await verify(username, password)) {
      await limiters.succeed(username, failures);
      return LET_IN;
    }
    return await limiters.fail(username, address) ? WRONG : REFUSED;
  }

  const server = http.createServer(async (request, response) => {
    if (request.url === '/verified') {
      response.end(String(fs.fstatSync(count).size));
    } else if (request.method === 'POST' && request.url === '/login') {
      const form = new URLSearchParams(await body(request));
      try {
        response.statusCode = await login(
          form.get('username') ?? '', form.get('password') ?? '', request.headers['x-forwarded-for']);
      } catch {
        response.statusCode = BROKEN;
      }
      response.end();
    } else {
      response.writeHead(404).end();
    }
  });
  server.keepAliveTimeout = 75_000;
  server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 2048 });
}

function start() {
  fs.writeFileSync(COUNT_FILE, '');
  let listening = 0;
  cluster.on('listening', (_, address) => {
    listening += 1;
    if (listening === WORKERS) console.log(`listening on 127.0.0.1:${address.port}`);
  });
  for (let n = 0; n < WORKERS; n += 1) cluster.fork();
}

if (cluster.isPrimary) start();
else serve();
