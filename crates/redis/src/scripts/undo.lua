-- Takes back a charge of an attempt that another subject, on another node, refused: the record is put
-- back as it was, or settled as cancelled by settle.lua if somebody else has changed it meanwhile.
--
--   KEYS    as once.lua
--   ARGV    1 to 3 as settle.lua; 4: the record as the charge has left it; 5: as it was before, empty
--           if there was none
--   reply   nothing of use
local left, before = ARGV[4], ARGV[5]
if call('GET', KEYS[1]) == left then
  if before == '' then
    call('DEL', KEYS[1])
    unlist(KEYS[1], KEYS[2])
    return {}
  end
  local flags = byte(before)
  local wide = flags % 8 >= 4
  if flags % 4 >= 2 then
    call('SET', KEYS[1], before)
  else
    local kept = unpack_bytes('>I5', before, wide and 27 or 23)
    call('SET', KEYS[1], before, 'PX', string.format('%.0f', math.max(1, kept + math.floor(kept / 4))))
  end
  if flags >= 8 then
    -- Even if it is over for whoever charged: his clock may be ahead of others'.
    local ends = unpack_bytes('>I6', before, (wide and 31 or 27) + 13)
    list(KEYS[1], KEYS[2], ends, (unpack_bytes('>I6', ARGV[1])))
  else
    unlist(KEYS[1], KEYS[2])
  end
  return {}
end

