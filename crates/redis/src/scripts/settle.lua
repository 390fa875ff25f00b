-- Settles charges of one attempt: engine::settle.
--
--   KEYS    n records, then the list of locked subjects of each one's bucket
--   ARGV    1: I6 now; 2: the channel on which unlocks are told;
--           2 + i: B what becomes of the charge (0 it stays, 1 clears, 2 is given back),
--           B whether its mark goes, B its place (0 tolerated, 1 last, 2 beyond), I6 its number,
--           I6 when it was charged, I6 when earlier failures would have been forgotten; then the
--           rule as in reserve.lua, from I4 limit on
--   reply   the n records as they were, nil where there was none; who asks runs the engine on them.
--           The short way answers them as one string
for i = 1, n do
  if values[i] and is_corrupt(values[i]) then return corrupt() end
end
for i = 1, n do
  local outcome, unmarks, place, number, charged_at, renewed_from, at = unpack_bytes('>BBBI6I6I6', ARGV[i + 2])
  local rule = ARGV[i + 2]
  local limit, cooloff, memory, jitter, by, forgets, kept, cooloffs = unpack_bytes('>I4I6I6I6BBI2', rule, at)
  local now, charged, uncleared, failures, forgotten, lock, operator, ends, marks = open(values[i], time)
  if now then
    local key, index = KEYS[i], KEYS[n + i]
    local lock_at, since, lapses, _ = 0, 0, 0, nil
    if lock ~= '' then lock_at, since, _, lapses = unpack_bytes(LOCK, lock) end
    local lifts = false
    if outcome == 0 then
      local decides = place == 2 or (place == 1 and lock_at == number and lapses > 0)
      if lock ~= '' and not operator and ends > now and decides then
        marks = remembered(marks, memory, now)
        local earlier = #marks / 6
        if by == 0 then earlier = math.max(0, earlier - 1) end
        local anew = lockout_end(rule, cooloffs, earlier, by, limit, jitter, now)
        if lapses > 0 then
          since, ends = now, anew
        elseif by == 2 or anew > ends then
          ends = anew
        end
        lock = pack(LOCK, lock_at, since, ends, 0)
        list(key, index, ends, now)
      end
    else
      local counts = number > charged - uncleared
      if outcome == 1 then
        if counts then
          -- A number from before the record was made anew may be the larger one.
          uncleared = math.max(0, charged - number)
          failures = math.min(failures, uncleared)
        end
        lifts = lock ~= '' and not operator and lock_at <= number
      else
        if counts then
          failures = math.max(0, failures - 1)
          if charged == number then forgotten = renewed_from end
        end
        lifts = lock ~= '' and lapses > 0 and lock_at == number
      end
      -- A provisional lock goes when failures no longer pass the limit.
      if lock ~= '' and now < lapses and failures <= limit then lifts = true end
    end
    if lifts then
      if lapses > 0 then
        if by == 0 then marks = unmark(marks, since) end
      elseif ends > now then
        redis.pcall('PUBLISH', ARGV[2], sub(key, #index - 5))
      end
      lock, operator = '', false
      unlist(key, index)
    end
    if unmarks == 1 then marks = unmark(marks, charged_at) end
    local last = over(now, failures, forgotten, lock, ends, marks, memory)
    put(key, now, charged, uncleared, failures, forgotten, lock, operator, marks, math.min(last + GRACE, NEVER))
  end
end
return values
