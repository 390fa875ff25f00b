-- KEYS: a list's entries, their ends, its version. ARGV: the entry's key; its end and its value, with
-- NUL between them; its end as a number, or nothing; a time before which what has ended may go.
--
-- An entry is its key, NUL and the rest, all of one score: so the set is in the order of keys, and no
-- key has a NUL.
local call = redis.call
local function delete(key)
  call('ZREMRANGEBYLEX', KEYS[1], '[' .. key .. '\0', '(' .. key .. '\1')
  call('ZREM', KEYS[2], key)
end
for _, key in ipairs(call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[4], 'LIMIT', 0, 10)) do
  delete(key)
end
delete(ARGV[1])
call('ZADD', KEYS[1], 0, ARGV[1] .. '\0' .. ARGV[2])
if ARGV[3] ~= '' then call('ZADD', KEYS[2], ARGV[3], ARGV[1]) end
-- A list that was lost and made anew is another one: so it does not begin at one.
if call('INCR', KEYS[3]) == 1 then
  local time = call('TIME')
  call('SET', KEYS[3], string.format('%.0f', time[1] * 1000000 + time[2]))
end
return 1
