-- What every script begins with: how a record is laid out. The other half is packed.rs.
--
--   B   flags: 1 failures are never forgotten, 2 the record never expires, 4 wide,
--       8 a lock follows, 16 an operator set it; 32 and above: a later layout
--   I6  touched                          I6  charged
--   I2  charged - cleared (I4 if wide)   I2  failures (I4 if wide)
--   I5  how long after touched failures are forgotten
--   I5  how long after touched the record expires
--   lock: I6 at, I6 since, I6 until (NEVER: until somebody unlocks), I6 lapses (0: confirmed)
--   I6  each mark, oldest first, to the end
--
-- Times are milliseconds. Lua's numbers are exact up to 2^53.
--
-- The key outlives the record by a quarter, so that the time to live need not be set anew by each
-- write: it stays if the record is kept for as long as before and was last touched in the same
-- quarter. Whatever was set at t then holds to the end of that quarter and a whole period more.
local call, pack, unpack_bytes = redis.call, struct.pack, struct.unpack
local byte, sub, format = string.byte, string.sub, string.format
local NARROW, WIDE, LOCK = '>BI6I6I2I2I5I5', '>BI6I6I4I4I5I5', '>I6I6I6I6'
local NEVER, LONGEST, GRACE = 281474976710655, 1099511627775, 10000
