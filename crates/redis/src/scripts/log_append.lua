-- KEYS[1]: a stream. ARGV: the most entries that it keeps, about; how many milliseconds they are
-- kept; then for each entry its time in milliseconds and its bytes. Answers their places.
--
-- An entry's place is its time, but never before the newest one's: what comes late is placed as if it
-- were as new. A clock that is far ahead must not push everybody else ahead, so no place is more than
-- a minute after the server's own time.
local key, most, kept = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local newest = tonumber(time[1]) * 1000 + 60000

local ms, seq = 0, 0
local info = redis.pcall('XINFO', 'STREAM', key)
if not info.err then
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local a, b = info[i + 1]:match('^(%d+)%-(%d+)$')
      ms, seq = tonumber(a), tonumber(b)
    end
  end
end

local places = {}
for i = 3, #ARGV, 2 do
  local at = math.min(tonumber(ARGV[i]), newest)
  if at > ms then ms, seq = at, 0 else seq = seq + 1 end
  local place = string.format('%.0f-%.0f', ms, seq)
  places[#places + 1] = redis.call('XADD', key, 'MAXLEN', '~', most, place, 'e', ARGV[i + 1])
end
redis.call('XTRIM', key, 'MINID', '~', string.format('%.0f', math.max(ms - kept, 0)))
redis.call('PEXPIRE', key, string.format('%.0f', kept * 1.25))
return places
