-- KEYS: a list's entries, their ends, its version. ARGV: the entry's key. Whether it was there.
local call, key = redis.call, ARGV[1]
local removed = call('ZREMRANGEBYLEX', KEYS[1], '[' .. key .. '\0', '(' .. key .. '\1')
if removed > 0 then
  call('ZREM', KEYS[2], key)
  call('INCR', KEYS[3])
end
return removed
