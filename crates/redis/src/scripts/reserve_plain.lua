-- The short way, which most attempts take: every record is new or holds failures below the limit,
-- no lock and no mark. Whatever it does not know is left to the long way, before it has written.
-- What is written here is less to read than to run: each line counts in the cost of an attempt.
local arg = ARGV[1]
local time, lease, enough, at = unpack_bytes('>I6I5B', arg)
local n = #KEYS / 2
local values = call('MGET', unpack(KEYS, 1, n))
-- Tables are made for the three subjects that most attempts have, so that they need not grow.
local plain, fresh, renewed, NONE = true, {0, 0, 0}, nil, '\255'
for i = 1, n do
  local value = values[i]
  local tolerates, flags, cooloff, kept, charged, uncleared, failures
  tolerates, flags, cooloff, kept, at = unpack_bytes('>I4BI5I5', arg, at)
  -- How long the key lives from now; nothing if that stays as it is, and how long failures and record
  -- are kept as well: then a part of the record is written where it is, which is less than a new one.
  local lives = kept
  if not value then
    values[i] = NONE
    charged, uncleared, failures = time, 0, 0
  elseif #value == 27 then
    local old, touched, forgotten, expires
    old, touched, charged, uncleared, failures, forgotten, expires = unpack_bytes(NARROW, value)
    if old > 3 or time < touched or uncleared > 65534 or (old < 2 and time >= touched + expires) then
      plain = false
      break
    end
    if (old % 2 == 0 and time >= touched + forgotten) or failures == 0 then
      failures, uncleared = 0, 0
      if charged < time then charged = time end
    end
    local quarter = kept / 4
    if expires == kept and forgotten == cooloff and old == flags
      and touched - touched % quarter == time - time % quarter then
      lives = nil
    end
  else
    plain = false
    break
  end
  if failures >= tolerates then
    plain = false
    break
  end
  if lives then
    fresh[i] = pack(NARROW, flags, time, charged + 1, uncleared + 1, failures + 1, cooloff, kept)
    renewed = renewed or {false, false, false}
    renewed[i] = lives
  else
    fresh[i] = pack('>I6I6I2I2', time, charged + 1, uncleared + 1, failures + 1)
  end
end
if plain then
  -- To write a number as text takes a third as long as to set a key, and most are the same.
  local written, text
  for i = 1, n do
    local lives = renewed and renewed[i]
    if not lives then
      call('SETRANGE', KEYS[i], '1', fresh[i])
    elseif lives == 0 then
      call('SET', KEYS[i], fresh[i])
    else
      if lives ~= written then
        written, text = lives, format('%d', lives + (lives - lives % 4) / 4)
      end
      call('SET', KEYS[i], fresh[i], 'PX', text)
    end
  end
  return table.concat(values)
end

