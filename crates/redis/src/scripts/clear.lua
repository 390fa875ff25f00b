-- Unlocks a subject by hand: engine::clear.
--
--   KEYS    the record, the list of locked subjects of its bucket
--   ARGV    1: I6 now; 2: the channel on which unlocks are told
--   reply   the record as it was, nil if there was none; who asks runs the engine on it
local value = call('GET', KEYS[1])
if value and is_corrupt(value) then return corrupt() end
local now, charged, _, _, forgotten, lock, _, ends, marks = open(value, unpack_bytes('>I6', ARGV[1]))
if not now then return value end
local expires = now + GRACE
if marks ~= '' then
  local flags = byte(value)
  local touched = unpack_bytes('>I6', value, 2)
  local kept = flags % 4 >= 2 and NEVER or touched + unpack_bytes('>I5', value, flags % 8 >= 4 and 27 or 23)
  expires = math.max(expires, kept)
end
if lock ~= '' then
  unlist(KEYS[1], KEYS[2])
  if ends > now then redis.pcall('PUBLISH', ARGV[2], sub(KEYS[1], #KEYS[2] - 5)) end
end
put(KEYS[1], now, charged, 0, 0, forgotten, '', false, marks, expires)
return value
