-- The short way, which most attempts take: every record is new or holds failures below the limit,
-- no lock and no mark. Whatever it does not know is left to the long way, before it has written.
local time, lease, enough, at = unpack_bytes('>I6I5B', ARGV[1])
local n = #KEYS / 2
local values = call('MGET', unpack(KEYS, 1, n))
local plain, fresh, stays, lives = true, {}, {}, {}
for i = 1, n do
  local value = values[i]
  local tolerates, flags, cooloff, kept, next_at = unpack_bytes('>I4BI5I5', ARGV[1], at)
  at = next_at
  local charged, uncleared, failures = 0, 0, 0
  if value then
    if #value ~= 27 then
      plain = false
      break
    end
    local old, touched, forgotten, expires
    old, touched, charged, uncleared, failures, forgotten, expires = unpack_bytes(NARROW, value)
    if old > 3 or time < touched or uncleared > 65534 or (old < 2 and time >= touched + expires) then
      plain = false
      break
    end
    if old % 2 == 0 and time >= touched + forgotten then failures = 0 end
    if expires == kept and old == flags and flags < 2 then
      local quarter = kept / 4
      stays[i] = touched - touched % quarter == time - time % quarter
    end
  end
  if failures >= tolerates then
    plain = false
    break
  end
  if failures == 0 then
    if charged < time then charged = time end
    uncleared = 0
  end
  fresh[i] = pack(NARROW, flags, time, charged + 1, uncleared + 1, failures + 1, cooloff, kept)
  lives[i] = flags < 2 and kept + (kept - kept % 4) / 4
end
if plain then
  for i = 1, n do
    if stays[i] then
      call('SET', KEYS[i], fresh[i], 'KEEPTTL')
    elseif lives[i] then
      call('SET', KEYS[i], fresh[i], 'PX', lives[i])
    else
      call('SET', KEYS[i], fresh[i])
    end
  end
  return values
end

