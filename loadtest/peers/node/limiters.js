'use strict';
// The recipe "Login endpoint protection" of rate-limiter-flexible's documentation: one limiter of
// consecutive failures, one of an address's failures; both are read before the password is looked
// at, and consumed after it was wrong. The recipe's first key is the name with the address, for
// names that exist; here it is any name alone, as in the other apps.
const { once } = require('node:events');
const Redis = require('ioredis');
const { RateLimiterRedis } = require('rate-limiter-flexible');

const SECONDS = 300;
const USERNAME_FAILURES = 3;
const ADDRESS_FAILURES = 30;

class Limiters {
  constructor(url) {
    // A store that does not answer is an error, not a queue.
    this.client = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 1 });
    this.client.on('error', () => {});
    const limiter = (keyPrefix, points) => new RateLimiterRedis({
      storeClient: this.client,
      keyPrefix,
      points,
      duration: SECONDS,
      blockDuration: SECONDS,
    });
    this.username = limiter('login_fail_username', USERNAME_FAILURES);
    this.address = limiter('login_fail_ip', ADDRESS_FAILURES);
  }

  async ready() {
    if (this.client.status !== 'ready') await once(this.client, 'ready');
  }

  // Whether the password may be looked at, and how often the name has failed.
  async admits(username, address) {
    const [names, addresses] = await Promise.all([
      this.username.get(username),
      this.address.get(address),
    ]);
    const blocked = (state, points) => state !== null && state.consumedPoints > points;
    return {
      admitted: !blocked(names, USERNAME_FAILURES) && !blocked(addresses, ADDRESS_FAILURES),
      failures: names === null ? 0 : names.consumedPoints,
    };
  }

  // Counts a failure; false when it was one too many.
  async fail(username, address) {
    try {
      await Promise.all([this.address.consume(address), this.username.consume(username)]);
      return true;
    } catch (rejected) {
      if (rejected instanceof Error) throw rejected;
      return false;
    }
  }

  async succeed(username, failures) {
    if (failures > 0) await this.username.delete(username);
  }
}

module.exports = { Limiters };
