-- KEYS[1]: a stream. ARGV: a time in milliseconds, and a number. Deletes that many entries at most,
-- the oldest that are placed before that time; how many.
local entries = redis.call('XRANGE', KEYS[1], '-', '(' .. ARGV[1] .. '-0', 'COUNT', ARGV[2])
if #entries > 0 then
  local ms, seq = entries[#entries][1]:match('^(%d+)%-(%d+)$')
  redis.call('XTRIM', KEYS[1], 'MINID', ms .. '-' .. string.format('%.0f', tonumber(seq) + 1))
end
return #entries
