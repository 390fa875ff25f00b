
-- The short way, which most settlings take: charges are taken back from records without a lock or a
-- mark. Whatever it does not know is left to the long way, before it has written.
local n = math.floor(#KEYS / 2)
local values = call('MGET', unpack(KEYS, 1, n))
local time = unpack_bytes('>I6', ARGV[1])
-- Tables are made for the three subjects that most attempts have, so that they need not grow.
local plain, settled, lives = true, {0, 0, 0}, {0, 0, 0}
for i = 1, n do
  local value = values[i]
  if not value or #value ~= 27 then
    plain = false
    break
  end
  local outcome, _, _, number, _, renewed_from = unpack_bytes('>BBBI6I6I6', ARGV[i + 2])
  local flags, touched, charged, uncleared, failures, forgotten, expires = unpack_bytes(NARROW, value)
  if outcome == 0 or flags > 3 or time < touched or (flags < 2 and time >= touched + expires) then
    plain = false
    break
  end
  forgotten = flags % 2 == 1 and NEVER or touched + forgotten
  if number > charged - uncleared then
    if outcome == 2 then
      if failures > 0 then failures = failures - 1 end
      if number == charged then forgotten = renewed_from end
    else
      -- A number from before the record was made anew may be the larger one.
      uncleared = number < charged and charged - number or 0
      if failures > uncleared then failures = uncleared end
    end
  end
  local forgets, kept = 0, GRACE
  flags = 0
  if forgotten == NEVER then
    flags = 1
  elseif forgotten > time then
    forgets = forgotten - time
  end
  if failures > 0 then
    if flags == 1 then flags, kept = 3, 0 else kept = forgets + GRACE end
  end
  if forgets > LONGEST or kept > LONGEST or time + kept >= NEVER then
    plain = false
    break
  end
  settled[i] = pack(NARROW, flags, time, charged, uncleared, failures, forgets, kept)
  lives[i] = kept
end
if plain then
  -- To write a number as text takes a third as long as to set a key, and most are the same.
  local written, text
  for i = 1, n do
    local kept = lives[i]
    if kept == 0 then
      call('SET', KEYS[i], settled[i])
    else
      if kept ~= written then
        written, text = kept, format('%d', kept + (kept - kept % 4) / 4)
      end
      call('SET', KEYS[i], settled[i], 'PX', text)
    end
  end
  return table.concat(values)
end

