-- Locks a subject by hand: engine::lock.
--
--   KEYS    the record, the list of locked subjects of its bucket
--   ARGV    I6 now, I6 until (NEVER: until somebody unlocks)
--   reply   the record as it was, nil if there was none; who asks runs the engine on it
local value = call('GET', KEYS[1])
if value and is_corrupt(value) then return corrupt() end
local time, ends = unpack_bytes('>I6I6', ARGV[1])
local now, charged, uncleared, failures, forgotten, lock, operator, was_until, marks = open(value, time)
local known, expires = now ~= nil, 0
if not known then
  now, charged, uncleared, failures, forgotten, lock, marks = time, 0, 0, 0, NEVER, '', ''
else
  local flags = byte(value)
  local touched = unpack_bytes('>I6', value, 2)
  expires = flags % 4 >= 2 and NEVER or touched + unpack_bytes('>I5', value, flags % 8 >= 4 and 27 or 23)
end
local since = now
if lock ~= '' and was_until > now then
  local _, began, _, lapses = unpack_bytes(LOCK, lock)
  if now >= lapses then
    since = began
    if was_until > ends then ends = was_until end
  end
end
if ends > now then
  list(KEYS[1], KEYS[2], ends, now)
  local kept = ends == NEVER and NEVER or ends + GRACE
  put(KEYS[1], now, charged, uncleared, failures, forgotten, pack(LOCK, charged, since, ends, 0), true, marks,
    math.max(expires, kept))
end
return value
